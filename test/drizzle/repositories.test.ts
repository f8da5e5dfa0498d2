import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Database, DatabaseUnavailableError, openDatabase } from '../../drizzle/index.ts'
import { createSchema } from '../postgres.ts'
import { testKeyChain } from './key-chain.suite.ts'
import { createEvent, createSlot, createUser } from './rows.ts'
import { testTokens } from './tokens.suite.ts'
import { testUserBatches } from './user-batches.suite.ts'
import { type OpenEmpty, testUsers } from './users.suite.ts'
import { testWholeTables } from './whole-tables.suite.ts'

/** Creates a database. @returns a function that opens it, as often as it is called */
type Create = (t: Test) => Promise<() => Promise<Database>>

/** The kinds of database that the suite runs over. */
const kinds: Record<string, Create> = {
  'SQLite in memory': async () => () => openDatabase(':memory:'),
  'SQLite in a file': async (t) => {
    const path = join(t.testdir(), 'postern.db')
    return () => openDatabase(path)
  },
  PostgreSQL: async (t) => {
    const { url, schema } = await createSchema(t)
    return () => openDatabase(url, { databaseSchema: schema, databasePoolSize: 4 })
  },
}

for (const [kind, create] of Object.entries(kinds)) {
  t.test(kind, async (t) => {
    const openEmpty: OpenEmpty = async (t) => {
      const database = await (await create(t))()
      t.teardown(() => database.close())
      return database
    }

    testUsers(t, openEmpty)
    testTokens(t, openEmpty, kind)
    testKeyChain(t, openEmpty, kind)
    testUserBatches(t, openEmpty)
    testWholeTables(t, openEmpty)

    t.test('is unavailable after it is closed', async (t) => {
      const database = await (await create(t))()
      await database.ping()
      await database.close()

      await t.rejects(database.ping(), DatabaseUnavailableError)
      await t.rejects(database.users.insert(createUser(), createEvent()), DatabaseUnavailableError)
      await t.rejects(database.users.findByEmail('ada@example.com'), DatabaseUnavailableError)
      const slot = createSlot({ userId: 'unknown', jti: '', kid: '' })
      await t.rejects(async () => await database.principals.load([slot]), DatabaseUnavailableError)
    })

    t.test('is durable', async (t) => {
      t.equal((await openEmpty(t)).isDurable, true)
    })

    if (kind === 'SQLite in memory') return

    t.test('sees at once what another process has changed', async (t) => {
      const open = await create(t)
      const [reader, writer] = [await open(), await open()]
      t.teardown(() => Promise.all([reader.close(), writer.close()]))
      const user = createUser()
      const slot = createSlot({ userId: user.id, jti: '', kid: '' })
      const read = async () => {
        await reader.principals.load([slot])
        return slot.row
      }

      t.equal(await read(), undefined)
      await writer.users.insert(user, createEvent())
      t.match(await read(), { tokenVersion: 0 })
      t.match(await read(), { tokenVersion: 0 })
      await writer.users.raiseTokenVersion(user.id, createEvent())
      t.match(await read(), { tokenVersion: 1 })
      await writer.users.delete(user.id, createEvent())
      t.equal(await read(), undefined)
    })

    t.test('gives an e-mail to one user, even if two processes ask for it', async (t) => {
      const open = await create(t)
      const processes = await Promise.all([open(), open()])
      t.teardown(() => Promise.all(processes.map((database) => database.close())))

      const inserted = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          processes[index % 2]?.users.insert(createUser({ email: 'ada@example.com' }), createEvent()),
        ),
      )

      const [winner, ...others] = inserted.filter((user) => user !== undefined)
      t.same(others, [])
      for (const { users } of processes) t.same(await users.findByEmail('ada@example.com'), winner)
    })

    t.test('a snapshot shows one moment, whatever is written after it', async (t) => {
      const open = await create(t)
      const [reader, writer] = [await open(), await open()]
      t.teardown(() => Promise.all([reader.close(), writer.close()]))
      await writer.users.insert(createUser(), createEvent())

      await reader.withSnapshot(async (snapshot) => {
        await writer.users.insert(createUser(), createEvent())
        await reader.users.insert(createUser(), createEvent())
        t.equal(await snapshot.count('users'), 1)
        for await (const rows of snapshot.read('users', 10)) t.equal(rows.length, 1)
      })

      t.equal(await reader.withSnapshot((snapshot) => snapshot.count('users')), 3)
    })

    t.test('keeps its data when it is opened again', async (t) => {
      const open = await create(t)
      const before = await open()
      const user = await before.users.insert(createUser(), createEvent())
      await before.close()

      const after = await open()
      t.teardown(() => after.close())

      t.same(await after.users.findById(user?.id ?? ''), user)
    })
  })
}
