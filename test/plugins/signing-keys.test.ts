import { createHmac, createPublicKey, verify } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { decodeHeader, forge, headerOf, stealKeys } from '../forge.ts'
import { assertProblem, bearer, createApp, createConfig, createToken, logIn } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

const ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'HS256']

async function statusOf(app: FastifyInstance, token: string): Promise<number> {
  return (await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode
}

/** The three parts of a token, as an offline verifier reads them. */
function split(token: string): { data: Buffer; signature: Buffer } {
  const end = token.lastIndexOf('.')
  return { data: Buffer.from(token.slice(0, end)), signature: Buffer.from(token.slice(end + 1), 'base64url') }
}

for (const algorithm of ALGORITHMS) {
  t.test(`${algorithm} tokens are issued, accepted, verifiable offline and revocable`, async (t) => {
    const settings = await sharedSettings(t)
    const app = await createApp(t, { ...settings, ALGORITHM: algorithm })

    const token = await createToken(app)

    const [key] = await stealKeys(openBeside(t, settings), settings.SECRET_KEY)
    t.strictSame(decodeHeader(token), { alg: algorithm, typ: 'at+jwt', kid: key?.kid })
    const { data, signature } = split(token)
    if (algorithm === 'HS256') {
      t.strictSame(signature, createHmac('sha256', settings.SECRET_KEY).update(data).digest())
    } else {
      const publicKey = createPublicKey(key?.publicKey ?? '')
      const hash = algorithm === 'EdDSA' ? null : 'sha256'
      t.ok(verify(hash, data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature))
    }
    t.equal(await statusOf(app, token), 200)
    const logout = await app.inject({ method: 'POST', url: '/logout', headers: bearer(token) })
    t.equal(logout.statusCode, 200)
    t.equal(await statusOf(app, token), 401)
  })
}

t.test('a change of ALGORITHM keeps earlier tokens valid', async (t) => {
  const settings = await sharedSettings(t)
  const tokens: string[] = []
  for (const algorithm of [...ALGORITHMS, 'ES256']) {
    const app = await buildApp(createConfig({ ...settings, ALGORITHM: algorithm }))
    tokens.push(await createToken(app))
    t.equal(decodeHeader(tokens.at(-1) ?? '')['alg'], algorithm)
    for (const token of tokens) t.equal(await statusOf(app, token), 200, `${algorithm}: an earlier token`)
    await app.close()
  }
})

t.test('a private key is stored only sealed', async (t) => {
  const settings = await sharedSettings(t)
  await createApp(t, settings)
  const db = openBeside(t, settings)

  const sealed = (await db.value('select sealed_private_key from signing_keys')) as string

  const bytes = Buffer.from(sealed, 'base64url').toString('latin1')
  for (const text of [sealed, bytes]) t.notMatch(text, /PRIVATE KEY|MIG[HT]/)
  t.match((await stealKeys(db, settings.SECRET_KEY))[0]?.privateKey, /^-----BEGIN PRIVATE KEY-----/)
  await t.rejects(stealKeys(db, `${settings.SECRET_KEY}x`), 'only SECRET_KEY opens it')
})

t.test('does not start with another SECRET_KEY, and says which setting is wrong', async (t) => {
  const settings = await sharedSettings(t)
  for (const algorithm of ['ES256', 'HS256']) {
    const before = await buildApp(createConfig({ ...settings, ALGORITHM: algorithm }))
    const token = await createToken(before)
    await before.close()
    const db = openBeside(t, settings)
    const keys = () => db.all('select * from signing_keys')
    const kept = await keys()

    const other = {
      ...settings,
      ALGORITHM: algorithm,
      SECRET_KEY: 'another secret, also of 32 bytes or more',
    }
    await t.rejects(async () => await buildApp(createConfig(other)), {
      message: /^SECRET_KEY is not the one/,
    })

    t.strictSame(await keys(), kept, 'it changes no key')
    const after = await buildApp(createConfig({ ...settings, ALGORITHM: algorithm }))
    t.equal(await statusOf(after, token), 200, 'the former SECRET_KEY still works')
    await after.close()
  }
})

t.test('a key that was moved to another row cannot be opened', async (t) => {
  const settings = await sharedSettings(t)
  const app = await buildApp(createConfig(settings))
  await app.close()
  await openBeside(t, settings).run("update signing_keys set kid = 'another'")

  await t.rejects(async () => await buildApp(createConfig(settings)), {
    message: /^SECRET_KEY is not the one/,
  })
})

t.test(
  'tokens of a retired key are refused from the next request on, and the next login creates another key',
  async (t) => {
    const settings = await sharedSettings(t)
    const app = await createApp(t, settings)
    const token = await createToken(app)
    const db = openBeside(t, settings)
    const retire = (at: number) => db.run('update signing_keys set retires_at = ?', new Date(at))

    await retire(Date.now() + 3_600_000)
    t.equal(await statusOf(app, token), 200, 'not yet')
    await retire(Date.now())
    const refused = await app.inject({ url: '/getUser', headers: bearer(token) })
    assertProblem(t, refused, 'invalid_token')

    const next = await logIn(app)
    t.not(decodeHeader(next)['kid'], decodeHeader(token)['kid'])
    t.equal(await statusOf(app, next), 200)
    t.equal(await statusOf(app, token), 401)
  },
)

t.test('tokens of a deleted key are refused from the next request on', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)
  t.equal(await statusOf(app, token), 200)

  await openBeside(t, settings).run('delete from signing_keys')

  t.equal(await statusOf(app, token), 401)
})

t.test('a token is refused unless it names the key that signed it', async (t) => {
  const settings = await sharedSettings(t)
  await (await buildApp(createConfig({ ...settings, ALGORITHM: 'EdDSA' }))).close()
  const app = await createApp(t, settings)
  const token = await createToken(app)
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  const [first, second] = await stealKeys(openBeside(t, settings), settings.SECRET_KEY)
  if (!first || !second) throw new Error('There should be two keys')

  t.equal(await statusOf(app, forge(first, claims)), 200)
  t.equal(await statusOf(app, forge(second, claims)), 200)
  t.equal(await statusOf(app, forge(first, claims, headerOf(second))), 401, 'the header of the other')
  t.equal(await statusOf(app, forge(second, claims, headerOf(first))), 401, 'the other way round')
  const crossed = { ...headerOf(first), kid: second.kid }
  t.equal(await statusOf(app, forge(first, claims, crossed)), 401, 'only the kid of the other')
})

t.test('two apps on one database refuse at once what either has revoked', async (t) => {
  const settings = await sharedSettings(t)
  const [one, two] = [await createApp(t, settings), await createApp(t, settings)]
  const tokens = [await createToken(one), await logIn(two)] as const
  for (const token of tokens) {
    t.equal(await statusOf(one, token), 200)
    t.equal(await statusOf(two, token), 200)
  }

  await one.inject({ method: 'POST', url: '/logout', headers: bearer(tokens[0]) })
  t.equal(await statusOf(two, tokens[0]), 401)
  await two.inject({ method: 'POST', url: '/logout', headers: bearer(tokens[1]) })
  t.equal(await statusOf(one, tokens[1]), 401)
})

t.test('a key that one app creates is accepted by another that has not seen it', async (t) => {
  const settings = await sharedSettings(t)
  const one = await createApp(t, settings)
  const two = await createApp(t, { ...settings, ALGORITHM: 'EdDSA' })

  const token = await createToken(two)

  t.equal(decodeHeader(token)['alg'], 'EdDSA')
  t.equal(await statusOf(one, token), 200)
})

t.test('apps that start at once on an empty database create one key', async (t) => {
  const settings = await sharedSettings(t)

  const apps = await Promise.all(Array.from({ length: 4 }, () => createApp(t, settings)))

  const countKeys = () => openBeside(t, settings).value('select count(*) from signing_keys')
  t.equal(await countKeys(), 1)
  const [first, ...others] = apps
  if (!first) throw new Error('There should be an app')
  const tokens = [await createToken(first), ...(await Promise.all(others.map((app) => logIn(app))))]
  for (const token of tokens) for (const app of apps) t.equal(await statusOf(app, token), 200)
  t.equal(await countKeys(), 1)
})
