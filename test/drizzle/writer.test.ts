import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DatabaseUnavailableError, openDatabase } from '../../drizzle/index.ts'
import { createRepositories, type Repositories } from '../../drizzle/repositories/index.ts'
import type { Repository } from '../../drizzle/repositories/repository.ts'
import { openSqlite } from '../../drizzle/sqlite/client.ts'
import { createBlacklistedToken, createEvent, createSigningKey, createUser, NOW } from './rows.ts'

async function openWithWriterThread(t: Test) {
  const path = join(t.testdir(), 'postern.db')
  const database = await openDatabase(path, { writerThread: true })
  return { path, database }
}

/** Overwrites the header of a database's file. @returns a function that restores it */
function damageHeader(path: string): () => void {
  const file = openSync(path, 'r+')
  const header = Buffer.alloc(100)
  readSync(file, header, 0, header.length, 0)
  writeSync(file, Buffer.alloc(100, 'x'), 0, 100, 0)
  return () => {
    writeSync(file, header, 0, header.length, 0)
    closeSync(file)
  }
}

t.test('writes that are waiting when the database closes are made, and resolve', async (t) => {
  const { path, database } = await openWithWriterThread(t)
  const users = Array.from({ length: 20 }, () => createUser())

  const inserted = Promise.all(users.map((user) => database.users.insert(user, createEvent())))
  await database.close()

  t.same(
    (await inserted).map((row) => row?.id),
    users.map(({ id }) => id),
  )
  const reopened = await openDatabase(path)
  for (const { id } of users) t.ok(await reopened.users.findById(id))
  await reopened.close()
})

t.test('if the thread fails, so do its writes, and the next write starts another thread', async (t) => {
  const { path, database } = await openWithWriterThread(t)
  t.teardown(() => database.close())
  const restore = damageHeader(path)

  for (const _ of ['once', 'again']) {
    await t.rejects(database.users.insert(createUser(), createEvent()), DatabaseUnavailableError)
  }

  restore()
  const user = createUser()
  // At once, while the failed thread is still ending.
  const [inserted, raised] = await Promise.all([
    database.users.insert(user, createEvent()),
    database.users.raiseTokenVersion('nobody', createEvent()),
  ])
  t.match(inserted, { id: user.id })
  t.equal(raised, undefined)
  t.match(await database.users.findById(user.id), { id: user.id })
})

type Method = (...parameters: never[]) => Promise<unknown>

/** Parameters for every method of every repository: the compiler refuses an omission. */
type Calls = {
  [Name in keyof Repositories]: {
    [Key in keyof Repositories[Name]]: Repositories[Name][Key] extends Method
      ? Parameters<Repositories[Name][Key]>
      : never
  }
}

const user = createUser()
const key = createSigningKey()
const client = { id: 'c1', name: 'gateway', hashedSecret: 'digest', createdAt: NOW }
const calls: Calls = {
  users: {
    insert: [user, createEvent()],
    findByEmail: [user.email],
    findById: [user.id],
    highestHashCost: [],
    list: [{ limit: 1 }],
    disable: [user.id, NOW, createEvent()],
    enable: [user.id, createEvent()],
    setPassword: [user.id, '$2b$10$two', createEvent()],
    raiseTokenVersion: [user.id, createEvent()],
    rehash: [user.id, '$2b$10$two', '$2b$12$two'],
    delete: [user.id, createEvent()],
  },
  deletedUsers: { find: [[user.id]] },
  knownAddresses: { expiryOf: ['key'], remember: ['key', NOW], prune: [0, 1] },
  blacklistedTokens: {
    insert: [createBlacklistedToken(), createEvent()],
    prune: [0, 1],
  },
  signingKeys: {
    insert: [key, createEvent()],
    list: [],
    activate: [key.kid, NOW],
    insertSuccessor: [{ ...key, kid: 'next', predecessor: key.kid }, createEvent()],
    end: [key.kid, NOW, 'next'],
    retire: [key.kid, createEvent()],
    deleteEnded: [0],
    reseal: [key.kid, 'sealed'],
    raiseMaxTokenLifetime: [key.kid, 900],
  },
  clients: {
    insert: [client, createEvent()],
    find: [client.id],
    list: [],
    delete: [client.id, createEvent()],
  },
  auditEvents: { insert: [createEvent()], list: [{ limit: 1 }], page: [{ limit: 1 }], prune: [0, 1] },
}

t.test('no method writes on the event loop', async (t) => {
  const connection = openSqlite(join(t.testdir(), 'postern.db'), { writerThread: true })
  t.teardown(() => connection.close())
  const repositories = createRepositories(connection) as unknown as Record<string, Record<string, Method>>
  // For this connection, not for the thread's.
  connection.db.$client.pragma('query_only = ON')

  for (const [name, methods] of Object.entries(calls)) {
    t.same(Object.keys(repositories[name] ?? {}).sort(), Object.keys(methods).sort())
    for (const [method, parameters] of Object.entries<unknown[]>(methods)) {
      const call = async () => await repositories[name]?.[method]?.(...(parameters as never[]))
      await t.resolves(call, `${name}.${method}`)
    }
  }
})

t.test('a read gets nothing to write with', async (t) => {
  const reads: Repository['reads'] = (db, { users }) => ({
    // @ts-expect-error
    forgotten: async () => await db.delete(users),
  })
  t.type(reads, 'function')
})

t.test('a process with nothing else to do ends after its writes', async (t) => {
  const path = join(t.testdir(), 'postern.db')
  const script = `
    import { openDatabase } from ${JSON.stringify(import.meta.resolve('../../drizzle/index.ts'))}
    import { createEvent, createUser } from ${JSON.stringify(import.meta.resolve('./rows.ts'))}
    const database = await openDatabase(${JSON.stringify(path)}, { writerThread: true })
    for (const email of ['ada@example.com', 'grace@example.com']) {
      const row = await database.users.insert(createUser({ email }), createEvent())
      console.log(row.email)
    }`

  // It ends although the script closes nothing.
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  })

  t.equal(output, 'ada@example.com\ngrace@example.com\n')
})
