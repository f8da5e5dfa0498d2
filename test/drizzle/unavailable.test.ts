import { once } from 'node:events'
import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, type ServerProcess, startServer } from '../server-process.ts'

const CONTROL = new URL('connection-control.ts', import.meta.url).href

const grace = { email: 'grace@example.com', password: 'nanoseconds of wire', name: 'Grace Hopper' }

interface Scene {
  server: ServerProcess
  /** Ada's token. */
  token: string
  /** The database's file. */
  path: string
  /** Executes a pragma on the server's own connections. */
  pragma(source: string): Promise<void>
}

/** Starts a server on which Ada is registered and logged in. */
async function setScene(t: Test): Promise<Scene> {
  const cwd = t.testdir()
  const server = await startServer(t, { cwd, preload: [CONTROL] })
  await postJson(`${server.address}/register`, ada)
  const token = await logInAt(server.address, ada)
  const pragma = async (source: string) => {
    server.process.send(source)
    await once(server.process, 'message')
  }
  return { server, token, path: join(cwd, 'data', 'postern.db'), pragma }
}

const logOut = ({ address }: ServerProcess, token: string) =>
  fetch(`${address}/logout`, { method: 'POST', headers: bearer(token) })

const getUser = ({ address }: ServerProcess, token: string) =>
  fetch(`${address}/getUser`, { headers: bearer(token) })

/** Asserts that all requests that write get a 503. */
async function assertWritesRefused(t: Test, { server, token }: Scene): Promise<void> {
  const { email, password } = ada
  for (const response of [
    await postJson(`${server.address}/register`, grace),
    await postJson(`${server.address}/login`, { email, password }),
    await logOut(server, token),
  ]) {
    t.equal(response.status, 503)
    t.match(response.headers.get('content-type'), /^application\/problem\+json/)
    t.match(response.headers.get('retry-after'), /^\d+$/)
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.same(await response.json(), {
      type: 'about:blank',
      title: 'The database cannot answer at present',
      status: 503,
      code: 'database_unavailable',
    })
  }
}

/** Asserts that requests that only read still work. Logins do not: they write an audit event. */
async function assertReadsGoOn(t: Test, { server, token }: Scene): Promise<void> {
  t.equal((await getUser(server, token)).status, 200, 'the logout had no effect')
  t.equal((await fetch(`${server.address}/healthz`)).status, 200)
  t.equal((await fetch(`${server.address}/readyz`)).status, 200)
}

/** Asserts that the refused requests succeed now, in the same process. */
async function assertRecovered(t: Test, { server, token, path }: Scene): Promise<void> {
  const response = await postJson(`${server.address}/register`, grace)
  t.equal(response.status, 201, 'the registration had no effect')
  t.match(await logInAt(server.address, grace), /^eyJ/)
  t.equal((await logOut(server, token)).status, 200)
  t.equal((await getUser(server, token)).status, 401)
  const db = new SqliteDriver(path, { readonly: true })
  t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  t.equal(db.prepare('select count(*) from users where email = ?').pluck().get(grace.email), 1)
  db.close()
}

/** Fills the database's pages, so that there is no room for another user, revoked token or event. */
function fillPages(path: string): void {
  const db = new SqliteDriver(path)
  // Limits this connection to the pages that there are.
  db.pragma('max_page_count = 1')
  const fill = (sql: string, createRow: () => unknown[]) => {
    const statement = db.prepare(sql)
    try {
      for (;;) statement.run(createRow())
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_FULL') throw error
    }
  }
  // Rows no larger than those of the test, and sorted next to them.
  fill("insert into users (id, email, hashed_password, created_at) values (?, 'f' || ?, '', 0)", () => {
    const id = uuidv7()
    return [id, id.slice(-5) + process.hrtime.bigint()]
  })
  fill("insert into blacklisted_tokens values (?, '', ?, 0)", () => [uuidv7(), Date.now() + 9e8])
  fill("insert into audit_events (id, event, created_at) values (?, '', ?)", () => [uuidv7(), Date.now()])
  db.close()
}

t.test('on a full disk writes are refused and reads work, until there is room', async (t) => {
  const scene = await setScene(t)
  fillPages(scene.path)
  await scene.pragma('max_page_count = 1')

  await assertWritesRefused(t, scene)
  await assertReadsGoOn(t, scene)
  t.match(scene.server.stdout(), '"SQLITE_FULL"', 'the log says why')

  await scene.pragma('max_page_count = 1000000')
  await assertRecovered(t, scene)
})

t.test('on a read-only database writes are refused and reads work', async (t) => {
  const scene = await setScene(t)
  await scene.pragma('query_only = ON')

  await assertWritesRefused(t, scene)
  await assertReadsGoOn(t, scene)
  t.match(scene.server.stdout(), '"SQLITE_READONLY"')

  await scene.pragma('query_only = OFF')
  await assertRecovered(t, scene)
})

t.test('while another process has locked the database, writes are refused and reads work', async (t) => {
  const scene = await setScene(t)
  const other = new SqliteDriver(scene.path)
  other.exec('begin immediate')

  await assertWritesRefused(t, scene)
  await assertReadsGoOn(t, scene)
  t.match(scene.server.stdout(), '"SQLITE_BUSY"')

  other.exec('rollback')
  other.close()
  await assertRecovered(t, scene)
})
