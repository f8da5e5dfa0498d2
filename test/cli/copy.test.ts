import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { postern, posternJson } from '../cli.ts'
import { createSigningKey, createUser } from '../drizzle/rows.ts'
import { ada, bearer } from '../helper.ts'
import { createSchema } from '../postgres.ts'
import { logInAt, postJson, startServer } from '../server-process.ts'
import { countRows, fill, open, setScene } from './copy-scene.ts'

t.test(
  'moves a deployment to PostgreSQL, where valid tokens stay valid, and revoked ones revoked',
  async (t) => {
    const { cwd, path, secretKey, target } = await setScene(t)
    const before = await startServer(t, { cwd })
    await postJson(`${before.address}/register`, ada)
    const token = await logInAt(before.address, ada)
    const revoked = await logInAt(before.address, ada)
    await fetch(`${before.address}/logout`, { headers: bearer(revoked) })
    await posternJson(['clients', 'add', 'resource server'], { cwd })

    const { code, stdout, stderr } = await postern(['copy', '--from', path], { cwd, env: target })
    await before.stop()

    t.equal(code, 0, stderr)
    t.match(stdout, /^users +1 +1 +[0-9a-f]{64}$/m)
    t.match(stdout, /^blacklisted_tokens +1 +1 +[0-9a-f]{64}$/m)
    t.match(stderr, /^Copying users: 1 rows in [\d.]+ s, [\d,]+ rows\/s$/m)
    t.match(stderr, 'Start the service on it with the same SECRET_KEY')
    for (const secret of [secretKey, new URL(target.DATABASE_URL).password]) {
      t.notOk((stdout + stderr).includes(secret), 'no secret is shown')
    }
    const after = await startServer(t, { cwd, env: target })
    const status = async (each: string) =>
      (await fetch(`${after.address}/getUser`, { headers: bearer(each) })).status
    t.same([await status(token), await status(revoked)], [200, 401])
    t.equal(await status(await logInAt(after.address, ada)), 200)
    t.match(await posternJson(['clients', 'list'], { cwd, env: target }), [{ name: 'resource server' }])
  },
)

t.test('copies every row unchanged, there and back, and a second copy changes nothing', async (t) => {
  const { cwd, path, target } = await setScene(t)
  const source = await open(t, path)
  await fill(source, 3000)
  const expected = {
    users: 3000,
    deletedUsers: 1,
    blacklistedTokens: 300,
    signingKeys: 2,
    clients: 0,
    knownAddresses: 1,
    auditEvents: 302,
  }

  const there = await posternJson(['copy', '--from', path, '--to', target.DATABASE_URL], {
    cwd,
    env: { DATABASE_SCHEMA: target.DATABASE_SCHEMA },
  })
  const again = await posternJson(['copy', '--from', path], { cwd, env: target })
  const copy = join(cwd, 'elsewhere', 'copy.db')
  const back = await posternJson(['copy', '--to', copy], { cwd, env: target })

  t.same(await countRows(await open(t, target.DATABASE_URL, target.DATABASE_SCHEMA)), expected)
  t.same(await countRows(await open(t, copy)), expected)
  const checksums = (tables: object[]) => tables.map((table) => ({ ...table, inserted: null }))
  t.same(checksums(again), checksums(there))
  t.same(checksums(back), checksums(there))
  t.match(again, [{ inserted: 0 }, { inserted: 0 }, { inserted: 0 }, { inserted: 0 }, { inserted: 0 }])
  const rows = async (url: string, schema?: string) =>
    (await open(t, url, schema)).withSnapshot(
      async (snapshot) => (await snapshot.read('users', 5000).next()).value,
    )
  t.same(await rows(copy), await rows(path))
})

t.test('refuses a target with other users or keys, and leaves it unchanged', async (t) => {
  const { cwd, path, target } = await setScene(t)
  await fill(await open(t, path), 10)
  const there = await open(t, target.DATABASE_URL, target.DATABASE_SCHEMA)
  await there.insertRows('users', [{ ...createUser(), name: null, disabledAt: null, tokenVersion: 0 }])

  const otherUser = await postern(['copy', '--from', path], { cwd, env: target })

  t.equal(otherUser.code, 1)
  t.match(
    otherUser.stderr,
    'The target has rows in users that the source does not have: 1. It was left unchanged',
  )
  t.match(await countRows(there), { users: 1, blacklistedTokens: 0, signingKeys: 0 })

  const { url, schema } = await createSchema(t)
  const started = await open(t, url, schema)
  await started.insertRows('signingKeys', [createSigningKey({ predecessor: 'ES256' })])
  const env = { ...target, DATABASE_URL: url, DATABASE_SCHEMA: schema }
  const otherKey = await postern(['copy', '--from', path], { cwd, env })
  t.equal(otherKey.code, 1)
  t.match(otherKey.stderr, 'The target has rows in signing_keys that the source does not have: 1.')
  t.match(await countRows(started), { users: 0, signingKeys: 1 })
})

t.test('overwrites nothing, and fails if the two differ in the end', async (t) => {
  const { cwd, path, target } = await setScene(t)
  const source = await open(t, path)
  await fill(source, 10)
  await postern(['copy', '--from', path], { cwd, env: target })
  const [user] = await source.users.list({ limit: 1 })
  await postern(['users', 'disable', user?.id ?? ''], { cwd })

  const { code, stdout, stderr } = await postern(['copy', '--from', path], { cwd, env: target })

  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /^users differs: 10 rows with the checksum [0-9a-f]{64} in the source, 10 with/m)
  const there = await open(t, target.DATABASE_URL, target.DATABASE_SCHEMA)
  t.equal((await there.users.findById(user?.id ?? ''))?.tokenVersion, user?.tokenVersion)
})

t.test('checks the secret before it copies anything', async (t) => {
  const { cwd, path, target } = await setScene(t)
  const wrong = { ...target, SECRET_KEY: 'another secret for tests, of 32 bytes or more' }

  const other = await postern(['copy', '--from', path], { cwd, env: wrong })
  t.equal(other.code, 1)
  t.match(
    other.stderr,
    `SECRET_KEY does not open the keys in ${path}. Set it to the content of ${path}.secret`,
  )
  t.notOk(other.stderr.includes(wrong.SECRET_KEY))

  const alone = join(cwd, 'alone.db')
  copyFileSync(path, alone)
  const none = await postern(['copy', '--from', alone, '--to', join(cwd, 'new.db')], { cwd })
  t.equal(none.code, 1)
  t.match(none.stderr, 'SECRET_KEY')
  t.notOk(existsSync(join(cwd, 'new.db')))
  t.notOk(existsSync(`${alone}.secret`), 'no new one is created')

  const kept = await postern(['copy', '--to', join(cwd, 'new.db')], { cwd })
  t.equal(kept.code, 0)
  t.match(
    kept.stderr,
    /SECRET_KEY set to the content of .*postern\.db\.secret, or copy that file to .*new\.db\.secret/,
  )
})

t.test('says what is wrong with --from and --to', async (t) => {
  const { cwd, path } = await setScene(t)
  const password = 'a-password-of-the-url'
  const cases = [
    [[], 2, 'Give --from or --to'],
    [['--from', path, '--to', `${cwd}/data/../data/postern.db`], 2, 'are the same database'],
    [['--from', path, '--to', `mysql://u:${password}@h/d`], 2, 'not mysql'],
    [['--to', ':memory:'], 2, 'in memory'],
    [['--from', 'nowhere.db', '--to', 'x.db'], 1, 'There is no database at nowhere.db'],
    [
      ['--to', `postgres://u:${password}@127.0.0.1:1/d`],
      1,
      'The target, PostgreSQL 127.0.0.1:1/d, is unavailable',
    ],
  ] as const
  for (const [args, expected, message] of cases) {
    const { code, stdout, stderr } = await postern(['copy', ...args], { cwd })
    t.equal(code, expected, message)
    t.equal(stdout, '')
    t.match(stderr, message)
    t.notOk(stderr.includes(password))
  }
})
