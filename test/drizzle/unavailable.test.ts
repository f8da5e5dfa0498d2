import { once } from 'node:events'
import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, type ServerProcess, startServer } from '../process.ts'

const CONTROL = new URL('connection-control.ts', import.meta.url).href

const grace = { email: 'grace@example.com', password: 'nanoseconds of wire', name: 'Grace Hopper' }

interface Scene {
  server: ServerProcess
  /** Ada's token. */
  token: string
  /** The database's file, to be opened a second time. */
  path: string
  /** Executes a pragma on the server's own connection. */
  pragma(source: string): Promise<void>
}

/** A server at which Ada is registered and logged in. */
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

/** Asserts that nothing can be written, and that the answers say so. */
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

/** Asserts that all that needs no writing goes on. A login does: it is audited. */
async function assertReadsGoOn(t: Test, { server, token }: Scene): Promise<void> {
  t.equal((await getUser(server, token)).status, 200, 'the logout has not half happened')
  t.equal((await fetch(`${server.address}/healthz`)).status, 200)
  t.equal((await fetch(`${server.address}/readyz`)).status, 200)
}

/** Asserts that what was refused can be done now, by the same process. */
async function assertRecovered(t: Test, { server, token, path }: Scene): Promise<void> {
  const response = await postJson(`${server.address}/register`, grace)
  t.equal(response.status, 201, 'the registration has not half happened')
  t.match(await logInAt(server.address, grace), /^eyJ/)
  t.equal((await logOut(server, token)).status, 200)
  t.equal((await getUser(server, token)).status, 401)
  const db = new SqliteDriver(path, { readonly: true })
  t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  t.equal(db.prepare('select count(*) from users where email = ?').pluck().get(grace.email), 1)
  db.close()
}

/** Leaves no room, on the pages that there are, for another account or another revoked token. */
function fillPages(path: string): void {
  const db = new SqliteDriver(path)
  // The limit of this connection: as many pages as there are.
  db.pragma('max_page_count = 1')
  const fill = (sql: string, makeRow: () => unknown[]) => {
    const statement = db.prepare(sql)
    try {
      for (;;) statement.run(makeRow())
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_FULL') throw error
    }
  }
  // Rows no larger than those to come, and sorted where those will be.
  fill("insert into users (id, email, hashed_password, created_at) values (?, 'f' || ?, '', 0)", () => {
    const id = uuidv7()
    return [id, id.slice(-5) + process.hrtime.bigint()]
  })
  fill("insert into blacklisted_tokens values (?, '', ?, 0)", () => [uuidv7(), Date.now() + 9e8])
  fill("insert into audit_events (id, event, created_at) values (?, '', ?)", () => [uuidv7(), Date.now()])
  db.close()
}

t.test('a full disk refuses what must be stored, and all else goes on until there is room', async (t) => {
  const scene = await setScene(t)
  fillPages(scene.path)
  await scene.pragma('max_page_count = 1')

  await assertWritesRefused(t, scene)
  await assertReadsGoOn(t, scene)
  t.match(scene.server.stdout(), '"SQLITE_FULL"', 'the log says why')

  await scene.pragma('max_page_count = 1000000')
  await assertRecovered(t, scene)
})

t.test('a read-only database refuses what must be stored, and all else goes on', async (t) => {
  const scene = await setScene(t)
  await scene.pragma('query_only = ON')

  await assertWritesRefused(t, scene)
  await assertReadsGoOn(t, scene)
  t.match(scene.server.stdout(), '"SQLITE_READONLY"')

  await scene.pragma('query_only = OFF')
  await assertRecovered(t, scene)
})

t.test(
  'a database that another process has locked refuses what must be stored, until it lets go',
  async (t) => {
    const scene = await setScene(t)
    const other = new SqliteDriver(scene.path)
    other.exec('begin immediate')

    await assertWritesRefused(t, scene)
    await assertReadsGoOn(t, scene)
    t.match(scene.server.stdout(), '"SQLITE_BUSY"')

    other.exec('rollback')
    other.close()
    await assertRecovered(t, scene)
  },
)
