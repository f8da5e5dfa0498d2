import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import t from 'tap'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, runServer, startServer } from '../server-process.ts'

const NODE_VERSION = new URL('../../src/runtime/preload.js', import.meta.url).href

/** Everything in a database that a start could change. */
function readAll(path: string): Record<string, unknown[]> {
  const db = new SqliteDriver(path, { readonly: true })
  const tables = db.prepare('select * from sqlite_schema order by name').all() as Record<string, string>[]
  const rows = tables
    .filter(({ type }) => type === 'table')
    .map(({ name }) => [name, db.prepare(`select * from "${name}"`).all()] as const)
  db.close()
  return { ...Object.fromEntries(rows), sqlite_schema: tables }
}

t.test('starts in an empty directory, and shows its address, its docs and its data', async (t) => {
  const cwd = t.testdir()

  const { address, stderr } = await startServer(t, { cwd })

  t.match(address, /^http:\/\/127\.0\.0\.1:\d+$/)
  const lines = stderr().trim().split('\n')
  t.equal(lines.length, 3)
  t.ok(lines[0]?.endsWith(` ${address}`))
  t.ok(lines[1]?.endsWith(` ${address}/docs`))
  t.ok(lines[2]?.endsWith(` ${join(cwd, 'data', 'postern.db')}`))
  t.equal((await fetch(`${address}/docs`)).status, 200)
})

t.test('stores its data for no other user of the machine to read', async (t) => {
  const cwd = t.testdir()

  await startServer(t, { cwd })

  const modeOf = (name: string) => (statSync(join(cwd, name)).mode & 0o777).toString(8)
  t.same(readdirSync(cwd), ['data'])
  t.equal(modeOf('data'), '700')
  const files = readdirSync(join(cwd, 'data'))
  t.ok(files.includes('postern.db'))
  t.ok(files.includes('postern.db.secret'))
  for (const name of files) t.equal(modeOf(join('data', name)), '600', name)
})

t.test('warns in the log of secrets that others can read', async (t) => {
  const cwd = t.testdir()
  const first = await startServer(t, { cwd })
  t.notMatch(first.stdout(), 'chmod')
  await first.stop()
  chmodSync(join(cwd, 'data', 'postern.db'), 0o640)
  chmodSync(join(cwd, 'data', 'postern.db.secret'), 0o604)

  const second = await startServer(t, { cwd })
  await second.stop()
  t.match(second.stdout(), '"msg":"its group can access secrets: chmod 600 ./data/postern.db"')
  t.match(second.stdout(), '"msg":"everyone can access secrets: chmod 600 ./data/postern.db.secret"')
})

t.test('changes nothing at its second start', async (t) => {
  const cwd = t.testdir()
  const database = join(cwd, 'data', 'postern.db')
  const first = await startServer(t, { cwd })
  await postJson(`${first.address}/register`, ada)
  const token = await logInAt(first.address, ada)
  await first.stop()
  const before = readAll(database)
  const secret = readFileSync(`${database}.secret`)
  t.equal(before['users']?.length, 1)
  t.equal(before['signing_keys']?.length, 1)

  const second = await startServer(t, { cwd })

  const response = await fetch(`${second.address}/getUser`, { headers: bearer(token) })
  t.equal(response.status, 200, 'a token of the first run is still valid')
  await second.stop()
  t.same(readAll(database), before)
  t.ok(readFileSync(`${database}.secret`).equals(secret))
})

t.test('starts without the HTTP client of Node.js, which is slow to load and never used', async (t) => {
  const tell = "process.once('message', () => process.send(process.moduleLoadList)).channel.unref()"
  const { process, address } = await startServer(t, {
    cwd: t.testdir(),
    preload: [`data:text/javascript,${tell}`],
  })
  t.equal((await fetch(`${address}/healthz`)).status, 200)

  process.send('what is loaded?')
  const [loaded] = (await once(process, 'message')) as [string[]]

  t.ok(loaded.includes('NativeModule http'))
  t.notOk(loaded.includes('NativeModule internal/deps/undici/undici'))
})

t.test('stores nothing on disk if its database is in memory', async (t) => {
  const cwd = t.testdir()

  const { stderr } = await startServer(t, { cwd, env: { DATABASE_URL: ':memory:' } })

  t.match(stderr(), /in memory/)
  t.same(readdirSync(cwd), [])
})

t.test('reports that its port is taken', async (t) => {
  const occupant = createServer()
  await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve))
  t.teardown(() => occupant.close())
  const { port } = occupant.address() as { port: number }

  const { code, stdout, stderr } = await runServer(t, { cwd: t.testdir(), env: { PORT: `${port}` } })

  t.equal(code, 1)
  t.match(stderr, `127.0.0.1:${port}`)
  t.match(stderr, 'address already in use')
  t.notMatch(stdout, 'listening')
  t.notMatch(stderr, 'ready at')
})

t.test('reports that its database is no database, and does not change the file', async (t) => {
  const cwd = t.testdir({
    'notes.txt': 'Not a database at all. '.repeat(100),
    'notes.txt.secret': 's'.repeat(43),
  })

  const { code, stderr } = await runServer(t, { cwd, env: { DATABASE_URL: 'notes.txt' } })

  t.equal(code, 1)
  t.match(stderr, 'not a database')
  t.equal(readFileSync(join(cwd, 'notes.txt'), 'utf8'), 'Not a database at all. '.repeat(100))
})

t.test('refuses a database of a newer version', async (t) => {
  const cwd = t.testdir()
  await (await startServer(t, { cwd })).stop()
  const db = new SqliteDriver(join(cwd, 'data', 'postern.db'))
  db.prepare("insert into postern_migrations values (9999999999999, 'unknown', 0)").run()
  db.close()

  const { code, stderr } = await runServer(t, { cwd })

  t.equal(code, 1)
  t.match(stderr, 'newer version of Postern')
})

t.test('names the version of Node.js that it needs, in one line and before anything else', async (t) => {
  const cwd = t.testdir()
  const olderNode = (version: string) => {
    const value = `{ ...process.versions, node: '${version}' }`
    return `data:text/javascript,Object.defineProperty(process, 'versions', { value: ${value} })`
  }

  const { code, stdout, stderr } = await runServer(t, { cwd, preload: [olderNode('20.20.0')] })

  t.equal(code, 1)
  t.equal(stdout, '')
  t.equal(stderr, 'Postern needs Node.js 22.18 or newer; this is 20.20.0.\n')
  t.same(readdirSync(cwd), [])

  const isRefused = (version: string) =>
    spawnSync(process.execPath, ['--import', olderNode(version), '--import', NODE_VERSION, '-e', ''])
      .status === 1
  t.same(['18.0.0', '22.17.1'].map(isRefused), [true, true])
  t.same(['22.18.0', '22.20.0', '23.0.0', '24.0.0', '100.0.0'].map(isRefused), [
    false,
    false,
    false,
    false,
    false,
  ])
})

t.test('reads a .env file in its working directory, but prefers the environment', async (t) => {
  const cwd = t.testdir()
  writeFileSync(join(cwd, '.env'), 'DATABASE_URL=elsewhere/users.db\nISSUER=from-file\nAUDIENCE=from-file\n')

  const { address } = await startServer(t, { cwd, env: { AUDIENCE: 'from-environment' } })

  t.same(readdirSync(cwd).sort(), ['.env', 'elsewhere'])
  await postJson(`${address}/register`, ada)
  const [, claims = ''] = (await logInAt(address, ada)).split('.')
  t.match(JSON.parse(Buffer.from(claims, 'base64url').toString()), {
    iss: 'from-file',
    aud: 'from-environment',
  })
})
