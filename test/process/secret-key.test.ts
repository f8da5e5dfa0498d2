import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import t, { type Test } from 'tap'
import { migrationCount } from '../drizzle/rows.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, runServer, startServer } from '../server-process.ts'

/** A directory in which Postern has run before. */
async function createUsedDirectory(t: Test): Promise<{ cwd: string; database: string; secretFile: string }> {
  const cwd = t.testdir()
  await (await startServer(t, { cwd })).stop()
  const database = join(cwd, 'data', 'postern.db')
  return { cwd, database, secretFile: `${database}.secret` }
}

t.test('is random, and created once', async (t) => {
  const { cwd, secretFile } = await createUsedDirectory(t)
  const secret = readFileSync(secretFile, 'utf8')
  t.match(secret, /^[\w-]{43}\n$/, '32 bytes in base64url')

  rmSync(join(cwd, 'data'), { recursive: true })
  await (await startServer(t, { cwd })).stop()

  t.not(readFileSync(secretFile, 'utf8'), secret)
})

t.test('is not created for a database whose secret is missing', async (t) => {
  const { cwd, database, secretFile } = await createUsedDirectory(t)
  rmSync(secretFile)
  const before = readFileSync(database)

  const { code, stderr } = await runServer(t, { cwd })

  t.equal(code, 1)
  t.match(
    stderr,
    /^Postern could not start\.\nSECRET_KEY .*must be set, or .*postern\.db\.secret restored: .*\n$/,
  )
  t.same(readdirSync(join(cwd, 'data')), ['postern.db'])
  t.ok(readFileSync(database).equals(before))
})

t.test('is refused if its file was truncated', async (t) => {
  for (const rest of ['', '\n', 'half-of-what-it-was']) {
    const cwd = t.testdir({ data: { 'postern.db.secret': rest } })

    const { code, stderr } = await runServer(t, { cwd })

    t.equal(code, 1)
    t.match(stderr, /postern\.db\.secret is too short/)
    t.notMatch(stderr, 'half-of')
    t.same(readdirSync(join(cwd, 'data')), ['postern.db.secret'], 'no database is created')
  }
})

t.test('is refused if the database was created with another one', async (t) => {
  const { cwd, secretFile } = await createUsedDirectory(t)
  const other = 'another secret, and long enough for HS256'

  const bySetting = await runServer(t, { cwd, env: { SECRET_KEY: other } })
  writeFileSync(secretFile, other)
  const byFile = await runServer(t, { cwd })

  for (const { code, stderr } of [bySetting, byFile]) {
    t.equal(code, 1)
    t.match(stderr, /^Postern could not start\.\nSECRET_KEY is not the one .*\n$/)
    t.notMatch(stderr, other)
  }
})

t.test('needs no file if it is set', async (t) => {
  const cwd = t.testdir()
  const env = { SECRET_KEY: 'a secret that an operator has chosen' }

  const { address } = await startServer(t, { cwd, env })

  t.equal((await fetch(`${address}/readyz`)).status, 200)
  t.notOk(existsSync(join(cwd, 'data', 'postern.db.secret')))
})

t.test('is the same for processes that start at the same moment', async (t) => {
  const cwd = t.testdir()

  const servers = await Promise.all([1, 2, 3].map(() => startServer(t, { cwd })))

  const [first] = servers
  await postJson(`${first?.address}/register`, ada)
  const tokens = await Promise.all(servers.map(({ address }) => logInAt(address, ada)))
  for (const { address } of servers) {
    for (const token of tokens) {
      t.equal((await fetch(`${address}/getUser`, { headers: bearer(token) })).status, 200)
    }
  }
  const db = new SqliteDriver(join(cwd, 'data', 'postern.db'), { readonly: true })
  t.equal(db.prepare('select count(*) from signing_keys').pluck().get(), 1)
  t.equal(db.prepare('select count(*) from postern_migrations').pluck().get(), migrationCount())
  db.close()
  t.notOk(
    readdirSync(join(cwd, 'data')).some((name) => /secret\./.test(name)),
    'no draft remains',
  )
})
