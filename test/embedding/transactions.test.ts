import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDriver, { type Database as SqliteHandle } from 'better-sqlite3'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { ada, assertProblem, bearer, createToken, credentials, post } from '../helper.ts'
import { createHostWithPostern } from './host.ts'

const secretKey = 'a secret of the host’s own, which is long'

/** The rows of a query that has not been read to its end. */
function openIterator(handle: SqliteHandle): () => void {
  handle.exec('create table if not exists numbers (n integer); insert into numbers values (1), (2), (3)')
  const rows = handle.prepare('select n from numbers').iterate()
  rows.next()
  return () => void rows.return?.()
}

async function createHost(t: Test, path: string, journalMode = 'WAL') {
  const database = new SqliteDriver(path)
  database.pragma(`journal_mode = ${journalMode}`)
  t.teardown(() => database.close())
  const host = await createHostWithPostern(t, { database, secretKey, throttle: false })
  return { database, host }
}

const file = (t: Test) => join(t.testdir(), 'host.db')

/** What Postern confirms, in an order in which each can follow the one before. */
const CHANGES: Record<string, (host: FastifyInstance, id: string, token: string) => Promise<unknown>> = {
  logout: async (host, _id, token) => {
    const { statusCode } = await host.inject({ method: 'POST', url: '/logout', headers: bearer(token) })
    if (statusCode !== 200) throw { statusCode }
  },
  register: (host) => host.postern.register({ ...ada, email: 'eve@example.com' }),
  login: (host) => host.postern.login(credentials),
  logOutEverywhere: (host, id) => host.postern.logOutEverywhere(id),
  setPassword: (host, id) => host.postern.setPassword(id, 'another password, which is long'),
  disableUser: (host, id) => host.postern.disableUser(id),
  deleteUser: (host, id) => host.postern.deleteUser(id),
}

const TABLES = ['users', 'blacklisted_tokens', 'audit_events']
const contents = (database: SqliteHandle) =>
  JSON.stringify(TABLES.map((table) => database.prepare(`select * from postern_${table} order by 1`).all()))

for (const [where, pathOf] of [
  ['a file', file],
  ['a database in memory', () => ':memory:'],
] as const) {
  t.test(`${where}: confirms nothing that the host could still roll back`, async (t) => {
    const { database, host } = await createHost(t, pathOf(t))
    const token = await createToken(host)
    const { id = '' } = (await host.postern.findUser({ email: ada.email })) ?? {}
    const before = contents(database)

    database.exec('begin immediate')
    const refused = await Promise.allSettled(Object.values(CHANGES).map((change) => change(host, id, token)))
    t.match(
      refused,
      refused.map(() => ({ status: 'rejected', reason: { statusCode: 503 } })),
    )
    database.exec('rollback')
    t.equal(contents(database), before, 'what was refused was not written')

    for (const [name, change] of Object.entries(CHANGES)) {
      const contentsBefore = contents(database)
      database.exec('begin immediate; create table fruit (name text)')
      const confirmed = change(host, id, token)
      await sleep(50)
      database.exec('rollback')
      await confirmed
      t.not(contents(database), contentsBefore, `${name} is written once the host’s transaction has ended`)
    }
  })

  t.test(`${where}: an open iterator of the host neither stops nor undoes a logout`, async (t) => {
    const { database, host } = await createHost(t, pathOf(t))
    const headers = bearer(await createToken(host))
    const close = openIterator(database)
    const logout = host.inject({ method: 'POST', url: '/logout', headers })
    await sleep(50)
    close()

    t.equal((await logout).statusCode, 200)
    assertProblem(t, await host.inject({ url: '/getUser', headers }), 'invalid_token')
  })
}

t.test('an iterator that stays open does not stop a logout in a file', async (t) => {
  const { database, host } = await createHost(t, file(t))
  const headers = bearer(await createToken(host))
  const close = openIterator(database)

  t.equal((await host.inject({ method: 'POST', url: '/logout', headers })).statusCode, 200)
  assertProblem(t, await host.inject({ url: '/getUser', headers }), 'invalid_token')
  close()
})

t.test('an iterator that stays open makes a logout in memory a 503', async (t) => {
  const { database, host } = await createHost(t, ':memory:')
  const headers = bearer(await createToken(host))
  const close = openIterator(database)

  const answer = await host.inject({ method: 'POST', url: '/logout', headers })
  assertProblem(t, answer, 'database_unavailable')
  t.equal((await host.inject({ url: '/getUser', headers })).statusCode, 200)
  close()
})

t.test('the host’s open read transaction does not freeze the checks', async (t) => {
  const path = file(t)
  const { database, host } = await createHost(t, path)
  const headers = bearer(await createToken(host))
  t.equal((await host.inject({ url: '/getUser', headers })).statusCode, 200)

  database.exec('begin')
  database.prepare('select count(*) from postern_users').get()
  const other = new SqliteDriver(path)
  other.exec('update postern_users set token_version = token_version + 1')
  other.close()

  assertProblem(t, await host.inject({ url: '/getUser', headers }), 'invalid_token')
  database.exec('commit')
})

t.test('a reader of the host holds up writes only without a write-ahead log', async (t) => {
  const { database, host } = await createHost(t, file(t), 'DELETE')
  const headers = bearer(await createToken(host))
  const close = openIterator(database)

  assertProblem(t, await host.inject({ method: 'POST', url: '/logout', headers }), 'database_unavailable')
  close()
  t.equal((await host.inject({ url: '/getUser', headers })).statusCode, 200)
  t.equal((await host.inject({ method: 'POST', url: '/logout', headers })).statusCode, 200)
  assertProblem(t, await host.inject({ url: '/getUser', headers }), 'invalid_token')
})

t.test('registers while the host has a transaction open, once that has ended', async (t) => {
  const database = new SqliteDriver(file(t))
  t.teardown(() => database.close())
  database.exec('begin immediate')
  const host = createHostWithPostern(t, { database, secretKey })
  await sleep(50)
  database.exec('rollback')

  t.equal((await post(await host, '/register', ada)).statusCode, 201)
})

t.test('says why it cannot open a connection of its own', async (t) => {
  const database = new SqliteDriver(file(t))
  t.teardown(() => database.close())
  database.pragma('locking_mode = EXCLUSIVE')
  database.exec('create table fruit (name text)')

  await t.rejects(createHostWithPostern(t, { database, secretKey }), {
    message: /^database: Postern needs a connection of its own to .*host\.db/,
  })
})

t.test(
  'opens it with the class that opened the host’s handle, also where the host extends that',
  async (t) => {
    class Recorder extends SqliteDriver {
      constructor(folder: string) {
        super(join(folder, 'host.db'))
      }
    }
    const database = new Recorder(t.testdir())
    t.teardown(() => database.close())
    const host = await createHostWithPostern(t, { database, secretKey })

    t.equal((await post(host, '/register', ada)).statusCode, 201)
  },
)
