import { createPublicKey } from 'node:crypto'
import { join } from 'node:path'
import { importSPKI, jwtVerify } from 'jose'
import t from 'tap'
import { postern, posternJson } from '../cli.ts'
import { decodeHeader } from '../forge.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, type ServerProcess, startServer } from '../server-process.ts'
import { openBeside } from '../shared-database.ts'
import { withClockAhead } from '../shifted-clock.ts'
import { lookInto, onEachDatabase, type Scene } from './user-scene.ts'

const COLUMNS = ['kid', 'algorithm', 'state', 'created_at', 'activates_at', 'retires_at']

async function publishedKids({ address }: ServerProcess): Promise<string[]> {
  const response = await fetch(`${address}/.well-known/jwks.json`)
  const { keys } = (await response.json()) as { keys: { kid: string }[] }
  return keys.map(({ kid }) => kid)
}

const getUser = async ({ address }: ServerProcess, token: string) =>
  (await fetch(`${address}/getUser`, { headers: bearer(token) })).status

/** The states of the keys, oldest first. */
async function states(scene: Scene): Promise<string[]> {
  return (await posternJson(['keys', 'list'], scene)).map(({ state = '' }) => state)
}

onEachDatabase(t, 'rotates and retires the keys of a running service', async (t, scene) => {
  const server = await startServer(t, scene)
  await postJson(`${server.address}/register`, ada)
  const old = await logInAt(server.address, ada)
  const [first = ''] = await publishedKids(server)
  t.equal(decodeHeader(old)['kid'], first)

  const [next = {}] = await posternJson(['keys', 'rotate'], scene)

  t.same(Object.keys(next), COLUMNS)
  t.match(next, { algorithm: 'ES256', state: 'published', retires_at: null })
  t.same(await publishedKids(server), [first, next['kid']], 'published at once')
  t.same(await states(scene), ['signing', 'published'])
  t.equal(decodeHeader(await logInAt(server.address, ada))['kid'], first, 'but not signing')

  const again = await postern(['keys', 'rotate', '--json'], scene)
  t.equal(again.code, 0)
  t.equal(JSON.parse(again.stdout)[0].kid, next['kid'])
  t.match(again.stderr, 'already waiting')

  t.equal(await getUser(server, old), 200)
  const retired = await postern(['keys', 'retire', first], scene)
  t.equal(retired.code, 0)
  t.equal(await getUser(server, old), 401, 'on the next request')
  t.same(await publishedKids(server), [next['kid']])

  const token = await logInAt(server.address, ada)
  t.equal(decodeHeader(token)['kid'], next['kid'], 'the next one signs, since there is no other')
  t.equal(await getUser(server, token), 200)
  t.same(await states(scene), ['retired', 'signing'])

  for (const command of [['retire'], ['export', '--pem']]) {
    const twice = await postern(['keys', ...command, first], scene)
    t.equal(twice.code, 1)
    t.match(twice.stderr, `The key ${first} is retired`)
    const unknown = await postern(['keys', ...command, 'nonsense'], scene)
    t.equal(unknown.code, 1)
    t.match(unknown.stderr, 'There is no key nonsense')
  }
  t.notMatch(server.stdout(), /"level":(50|60)/)
})

const HOUR = 3_600_000

for (const [clock, shift] of [
  ['two minutes ahead', HOUR / 30],
  ['a day ahead', 24 * HOUR],
  ['a day behind', -24 * HOUR],
] as const) {
  onEachDatabase(t, `retires a key at once where the command’s clock is ${clock}`, async (t, scene) => {
    const server = await startServer(t, scene)
    await postJson(`${server.address}/register`, ada)
    const token = await logInAt(server.address, ada)
    const [leaked = ''] = await publishedKids(server)
    t.equal(await getUser(server, token), 200)

    const { code } = await postern(['keys', 'retire', leaked], withClockAhead(scene, shift))

    t.equal(code, 0)
    t.equal(await getUser(server, token), 401)
    t.same(await publishedKids(server), [])
    const behind = await startServer(t, withClockAhead(scene, -10 * 60_000))
    t.equal(await getUser(behind, token), 401, 'at an instance whose clock is behind, too')
    const keys = await posternJson(['keys', 'list'], scene)
    t.match(
      keys.find(({ kid }) => kid === leaked),
      { state: 'retired' },
    )
    const audited = await lookInto(t, scene).value('select max(created_at) as last_at from audit_events')
    t.ok(audited instanceof Date && audited.getTime() > 0, 'the audit trail has the time')
  })
}

onEachDatabase(
  t,
  'retires a key that has an end, though by the command’s clock it has ended',
  async (t, scene) => {
    const server = await startServer(t, scene)
    await postJson(`${server.address}/register`, ada)
    const token = await logInAt(server.address, ada)
    const [leaked = ''] = await publishedKids(server)
    await posternJson(['keys', 'rotate'], scene)

    const { code, stderr } = await postern(['keys', 'retire', leaked], withClockAhead(scene, HOUR))

    t.equal(code, 0, stderr)
    t.equal(await getUser(server, token), 401)
    const [first] = await posternJson(['keys', 'list'], scene)
    t.match(first, { kid: leaked, state: 'retired' })
    const { stdout } = await postern(['keys', 'list'], scene)
    t.match(stdout.split('\n')[1], /retired .* at once$/, 'a table names no instant')
  },
)

onEachDatabase(t, 'deletes a key that has not signed, and lets the one before it go on', async (t, scene) => {
  const server = await startServer(t, scene)
  await postJson(`${server.address}/register`, ada)
  const token = await logInAt(server.address, ada)
  const [first = ''] = await publishedKids(server)
  const [next = {}] = await posternJson(['keys', 'rotate'], scene)
  t.not((await posternJson(['keys', 'list'], scene))[0]?.['retires_at'], null)

  const { code, stdout } = await postern(['keys', 'retire', next['kid'] ?? ''], scene)

  t.equal(code, 0)
  t.match(stdout, `Deleted ${next['kid']}, which had not signed yet`)
  t.match(await posternJson(['keys', 'list'], scene), [{ kid: first, state: 'signing', retires_at: null }])
  t.same(await publishedKids(server), [first])
  t.equal(await getUser(server, token), 200)
  t.equal(decodeHeader(await logInAt(server.address, ada))['kid'], first)
  const targets = await lookInto(t, scene).all(
    "select target from audit_events where event = 'sensitive_delete'",
  )
  t.same(targets, [{ target: next['kid'] }])
  t.match(await posternJson(['keys', 'rotate'], scene), [{ state: 'published' }])
  t.same(await states(scene), ['signing', 'published'])
})

onEachDatabase(t, 'prints the keys as a table', async (t, scene) => {
  t.equal((await postern(['keys', 'list'], scene)).stdout, 'none\n')

  const created = await postern(['keys', 'rotate'], scene)

  t.equal(created.code, 0)
  const { stdout } = await postern(['keys', 'list'], scene)
  const lines = stdout.split('\n').map((line) => line.split(/ {2,}/))
  t.same(lines[0], COLUMNS)
  t.same(lines[1]?.slice(1, 3), ['ES256', 'signing'])
  t.same(lines[2]?.slice(1, 3), ['ES256', 'published'])
})

onEachDatabase(t, 'creates one next key if it runs three times at once', async (t, scene) => {
  const runs = await Promise.all([1, 2, 3].map(() => posternJson(['keys', 'rotate'], scene)))

  t.equal(new Set(runs.map(([key]) => key?.['kid'])).size, 1)
  t.same(await states(scene), ['signing', 'published'])
})

for (const [ALGORITHM, type] of [
  ['ES256', 'ec'],
  ['EdDSA', 'ed25519'],
  ['RS256', 'rsa'],
] as const) {
  t.test(`exports a public key for ${ALGORITHM}, which verifies the tokens`, async (t) => {
    const cwd = t.testdir()
    const server = await startServer(t, { cwd, env: { ALGORITHM } })
    await postJson(`${server.address}/register`, ada)
    const token = await logInAt(server.address, ada)
    const [kid = ''] = await publishedKids(server)

    const { code, stdout, stderr } = await postern(['keys', 'export', kid, '--pem'], { cwd })

    t.same([code, stderr], [0, ''])
    t.match(stdout, /^-----BEGIN PUBLIC KEY-----\n[\w+/=\n]+-----END PUBLIC KEY-----\n$/)
    t.equal(createPublicKey(stdout).asymmetricKeyType, type)
    await t.resolves(jwtVerify(token, await importSPKI(stdout, ALGORITHM), { typ: 'at+jwt' }))
  })
}

t.test('exports no public key that does not belong to what was sealed', async (t) => {
  const cwd = t.testdir()
  await postern(['migrate'], { cwd })
  for (const _key of [1, 2]) await postern(['keys', 'rotate'], { cwd })
  const db = openBeside(t, { DATABASE_URL: join(cwd, 'data', 'postern.db') })
  const [own = '', other = ''] = (await posternJson(['keys', 'list'], { cwd })).map(({ kid }) => kid ?? '')
  await db.run(
    'update signing_keys set public_key = (select public_key from signing_keys where kid = ?)',
    other,
  )

  const { code, stdout, stderr } = await postern(['keys', 'export', own, '--pem'], { cwd })

  t.same([code, stdout], [1, ''])
  t.match(stderr, 'a key was changed in the database')
  t.equal((await postern(['keys', 'export', other, '--pem'], { cwd })).code, 0)
})

t.test('has nothing to export for HS256', async (t) => {
  const cwd = t.testdir()
  const env = { ALGORITHM: 'HS256' }
  await postern(['migrate'], { cwd })
  await postern(['keys', 'rotate'], { cwd, env })
  const [key = {}] = await posternJson(['keys', 'list'], { cwd })

  const { code, stdout, stderr } = await postern(['keys', 'export', key['kid'] ?? '', '--pem'], { cwd })

  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, 'no public key')
})

onEachDatabase(t, 'creates no key with a SECRET_KEY other than the service’s', async (t, scene) => {
  const { cwd, env } = scene
  const wrong = { SECRET_KEY: 'another secret for tests, of 32 bytes or more' }
  const server = await startServer(t, scene)

  const { code, stdout, stderr } = await postern(['keys', 'rotate'], { cwd, env: { ...env, ...wrong } })

  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, 'SECRET_KEY is not the one that sealed the signing keys')
  t.notMatch(stderr, wrong.SECRET_KEY)
  t.equal((await publishedKids(server)).length, 1)
  const { SECRET_KEY: _none, ...withoutSecret } = env
  const none = await postern(['keys', 'rotate'], { cwd, env: withoutSecret })
  t.equal(none.code, 1)
  t.match(none.stderr, 'SECRET_KEY')
  t.equal(await lookInto(t, scene).value('select count(*) from signing_keys'), 1)
})
