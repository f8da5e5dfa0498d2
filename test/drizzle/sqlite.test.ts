import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import SqliteDriver from 'better-sqlite3'
import t from 'tap'
import {
  DatabaseUnavailableError,
  databasePath,
  NewerDatabaseError,
  openDatabase,
} from '../../drizzle/index.ts'
import { createRepositories } from '../../drizzle/repositories/index.ts'
import { openSqlite } from '../../drizzle/sqlite/client.ts'
import { createEvent, createUser, migrationCount } from './rows.ts'

const DRIZZLE = new URL('../../drizzle/index.ts', import.meta.url).href

/** The tables and indexes of a database, and its migrations. */
function describeDatabase(path: string): unknown {
  const db = new SqliteDriver(path, { readonly: true })
  const description = {
    schema: db.prepare('select * from sqlite_schema order by name').all(),
    migrations: db.prepare('select * from postern_migrations').all(),
  }
  db.close()
  return description
}

t.test('syncs each commit to the disk, waits for other writers, and enforces foreign keys', async (t) => {
  const path = join(t.testdir(), 'postern.db')
  // These belong to the connection, so they must be set for a new database and for an existing one.
  for (const time of ['first', 'second']) {
    const { $client } = openSqlite(path).db
    const pragma = (name: string) => $client.pragma(name, { simple: true })
    t.equal(pragma('journal_mode'), 'wal', `journal_mode, opened for the ${time} time`)
    t.equal(pragma('synchronous'), 2, 'FULL')
    t.equal(pragma('fullfsync'), 1)
    t.equal(pragma('foreign_keys'), 1)
    t.ok(Number(pragma('busy_timeout')) >= 500)
    $client.close()
  }
})

t.test('creates the tables once', async (t) => {
  const path = join(t.testdir(), 'new', 'directory', 'postern.db')
  await (await openDatabase(path)).close()
  const created = describeDatabase(path)

  await (await openDatabase(path)).close()

  t.same(describeDatabase(path), created)
  t.match(created, { migrations: [{ hash: /^[0-9a-f]{64}$/ }] })
})

t.test('creates the tables once, even if several threads open it at once', async (t) => {
  const crowd = 4
  const script = `
    const { workerData: { path, gate, crowd } } = require('node:worker_threads')
    import('${DRIZZLE}').then(async ({ openDatabase }) => {
      // The last thread opens the gate.
      if (Atomics.add(gate, 0, 1) + 1 < crowd) Atomics.wait(gate, 1, 0)
      else Atomics.store(gate, 1, 1), Atomics.notify(gate, 1)
      const database = await openDatabase(path)
      await database.ping()
      await database.close()
    })`

  for (const round of [1, 2, 3]) {
    const path = join(t.testdir(), `${round}.db`)
    const workerData = { path, gate: new Int32Array(new SharedArrayBuffer(8)), crowd }
    const workers = Array.from({ length: crowd }, () => new Worker(script, { eval: true, workerData }))
    // Throws if one of them fails.
    await Promise.all(workers.map((worker) => once(worker, 'exit')))

    t.match(describeDatabase(path), { migrations: { length: migrationCount() } })
  }
})

t.test('an error that ends the transaction of several writes fails all of them', async (t) => {
  const path = join(t.testdir(), 'postern.db')
  const database = await openDatabase(path)
  t.teardown(() => database.close())
  const beside = new SqliteDriver(path)
  t.teardown(() => beside.close())
  // Like a full disk: it rolls back the whole transaction, not only one statement.
  beside.exec("create trigger full before insert on clients begin select raise(rollback, 'full'); end")
  const client = { id: 'c1', name: 'gateway', hashedSecret: 'digest', createdAt: new Date() }

  const outcomes = await Promise.allSettled([
    database.users.insert(createUser(), createEvent()),
    database.clients.insert(client, createEvent()),
    database.users.insert(createUser(), createEvent()),
  ])

  t.same(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  t.equal(beside.prepare('select count(*) from users').pluck().get(), 0)
  beside.exec('drop trigger full')
  t.ok(await database.users.insert(createUser(), createEvent()), 'the next write succeeds')
})

t.test('a writer that does not get the lock fails all its writes', async (t) => {
  const path = join(t.testdir(), 'postern.db')
  const database = await openDatabase(path)
  t.teardown(() => database.close())
  const beside = new SqliteDriver(path)
  t.teardown(() => beside.close())
  beside.exec('begin immediate')

  const outcomes = await Promise.allSettled(
    [1, 2, 3].map(() => database.users.insert(createUser(), createEvent())),
  )

  t.same(
    outcomes.map(
      (outcome) => outcome.status === 'rejected' && outcome.reason instanceof DatabaseUnavailableError,
    ),
    [true, true, true],
  )
  beside.exec('rollback')
})

t.test('finds the highest cost of a hash by its index', async (t) => {
  const connection = openSqlite(':memory:')
  t.teardown(() => connection.close())
  const { $client } = connection.db
  const prepared = t.capture($client, 'prepare', $client.prepare)
  createRepositories(connection)

  const query = prepared().find(({ args }) => args[0].includes('substr('))?.args[0]
  const plan = $client.prepare<string[]>(`explain query plan ${query}`).all('04', '15', '1')
  t.match(plan, [{ detail: /SEARCH users USING COVERING INDEX users_hash_cost_index/ }])
})

t.test('leaves a database of a newer version unchanged', async (t) => {
  const directory = t.testdir()
  const path = join(directory, 'postern.db')
  const { $client } = openSqlite(path).db
  $client.exec('alter table users add column shoe_size integer')
  $client.prepare('insert into postern_migrations values (?, ?, ?)').run(9_999_999_999_999, 'unknown', 0)
  $client.close()
  const before = readFileSync(path)

  await t.rejects(openDatabase(path), NewerDatabaseError)
  await t.rejects(openDatabase(path), /newer version of Postern/)

  t.ok(readFileSync(path).equals(before))
  t.same(readdirSync(directory), ['postern.db'])
})

t.test('leaves no partial schema when a migration fails', async (t) => {
  const path = join(t.testdir(), 'postern.db')
  const foreign = new SqliteDriver(path)
  // Conflicts with the last table.
  foreign.exec('create table users (name text)')
  foreign.close()
  const before = readFileSync(path)

  await t.rejects(openDatabase(path), /users. already exists/)

  t.ok(readFileSync(path).equals(before))
})

t.test('finds the file by its path or URL, and refuses unknown URLs', async (t) => {
  t.equal(databasePath(':memory:'), null)
  t.equal(databasePath('./data/postern.db'), './data/postern.db')
  t.equal(databasePath('file:///var/lib/my%20users.db'), '/var/lib/my users.db')
  t.equal(databasePath('C:\\postern.db'), 'C:\\postern.db')
  t.throws(() => databasePath('file:postern.db'), { name: 'UnknownDatabaseError', message: 'absolute' })
  t.throws(() => databasePath('file://host/postern.db'), {
    name: 'UnknownDatabaseError',
    message: 'absolute',
  })
  t.equal(databasePath('postgres://ada:hunter2@db/postern'), null)
  for (const url of [
    'postgres:hunter2',
    'postgres://ada:hunter2#@db/postern',
    'mysql://ada:hunter2@db/postern',
  ]) {
    t.throws(() => databasePath(url), {
      name: 'UnknownDatabaseError',
      message: /^(?!.*hunter2).*(postgres|mysql):/,
    })
  }
})
