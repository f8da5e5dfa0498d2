import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DatabaseUnavailableError, openDatabase } from '../../drizzle/index.ts'
import { createRepositories, type Repositories } from '../../drizzle/repositories/index.ts'
import type { Repository } from '../../drizzle/repositories/repository.ts'
import { openSqlite } from '../../drizzle/sqlite/client.ts'
import { makeBlacklistedToken, makeEvent, makeSigningKey, makeUser, NOW } from './rows.ts'

async function openApart(t: Test) {
  const path = join(t.testdir(), 'postern.db')
  const database = await openDatabase(path, { writesApart: true })
  return { path, database }
}

/** Makes a file no database for whoever opens it, until what it returns is called. */
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

t.test('what it was told to write before it closes is written, and answered', async (t) => {
  const { path, database } = await openApart(t)
  const users = Array.from({ length: 20 }, () => makeUser())

  const answers = Promise.all(users.map((user) => database.users.insert(user, makeEvent())))
  await database.close()

  t.same(
    (await answers).map((row) => row?.id),
    users.map(({ id }) => id),
  )
  const again = await openDatabase(path)
  for (const { id } of users) t.ok(await again.users.findById(id))
  await again.close()
})

t.test('a thread that breaks down says so to whoever waits, and the next write has another', async (t) => {
  const { path, database } = await openApart(t)
  t.teardown(() => database.close())
  const mend = damageHeader(path)

  for (const _ of ['once', 'again']) {
    await t.rejects(database.users.insert(makeUser(), makeEvent()), DatabaseUnavailableError)
  }

  mend()
  const user = makeUser()
  // At once, while what is left of the former thread comes to its end.
  const [inserted, raised] = await Promise.all([
    database.users.insert(user, makeEvent()),
    database.users.raiseTokenVersion('nobody', makeEvent()),
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

const user = makeUser()
const key = makeSigningKey()
const client = { id: 'c1', name: 'gateway', hashedSecret: 'digest', createdAt: NOW }
const calls: Calls = {
  users: {
    insert: [user, makeEvent()],
    findByEmail: [user.email],
    findById: [user.id],
    list: [{ limit: 1 }],
    disable: [user.id, NOW, makeEvent()],
    enable: [user.id, makeEvent()],
    setPassword: [user.id, '$2b$10$two', makeEvent()],
    raiseTokenVersion: [user.id, makeEvent()],
    rehash: [user.id, '$2b$10$two', '$2b$12$two'],
    delete: [user.id, makeEvent()],
  },
  blacklistedTokens: {
    insert: [makeBlacklistedToken(), makeEvent()],
    countAfter: ['', 1],
    prune: [NOW, 1],
  },
  signingKeys: {
    insert: [key, makeEvent()],
    list: [],
    activate: [key.kid, NOW],
    end: [key.kid, NOW],
    retire: [key.kid, NOW, makeEvent()],
    reseal: [key.kid, 'sealed'],
    raiseMaxTokenLifetime: [key.kid, 900],
  },
  clients: { insert: [client, makeEvent()], find: [client.id], list: [], delete: [client.id, makeEvent()] },
  auditEvents: { insert: [makeEvent()], list: [{ limit: 1 }], page: [{ limit: 1 }], prune: [NOW, 1] },
}

t.test('no method writes on the event loop', async (t) => {
  const connection = openSqlite(join(t.testdir(), 'postern.db'), { apart: true })
  t.teardown(() => connection.close())
  const repositories = createRepositories(connection) as unknown as Record<string, Record<string, Method>>
  // Holds for this connection, and not for the thread's.
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

t.test('a process with nothing else to do waits for its writes, and no longer', async (t) => {
  const path = join(t.testdir(), 'postern.db')
  const script = `
    import { openDatabase } from ${JSON.stringify(import.meta.resolve('../../drizzle/index.ts'))}
    import { makeEvent, makeUser } from ${JSON.stringify(import.meta.resolve('./rows.ts'))}
    const database = await openDatabase(${JSON.stringify(path)}, { writesApart: true })
    for (const email of ['ada@example.com', 'grace@example.com']) {
      const row = await database.users.insert(makeUser({ email }), makeEvent())
      console.log(row.email)
    }`

  // It closes nothing, and ends all the same.
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  })

  t.equal(output, 'ada@example.com\ngrace@example.com\n')
})
