import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Database, DatabaseUnavailableError, openDatabase } from '../../drizzle/index.ts'
import { makeSchema } from '../postgres.ts'
import { makeEvent, makeSlot, makeUser } from './rows.ts'
import { testTokens } from './tokens.suite.ts'
import { testUserBatches } from './user-batches.suite.ts'
import { type OpenEmpty, testUsers } from './users.suite.ts'
import { testWholeTables } from './whole-tables.suite.ts'

/** Makes a database, which can be opened several times. */
type Make = (t: Test) => Promise<() => Promise<Database>>

/** The kinds of database that the suite runs over. */
const kinds: Record<string, Make> = {
  'SQLite in memory': async () => () => openDatabase(':memory:'),
  'SQLite in a file': async (t) => {
    const path = join(t.testdir(), 'postern.db')
    return () => openDatabase(path)
  },
  PostgreSQL: async (t) => {
    const { url, schema } = await makeSchema(t)
    return () => openDatabase(url, { databaseSchema: schema, databasePoolSize: 4 })
  },
}

for (const [kind, make] of Object.entries(kinds)) {
  t.test(kind, async (t) => {
    const openEmpty: OpenEmpty = async (t) => {
      const database = await (await make(t))()
      t.teardown(() => database.close())
      return database
    }

    testUsers(t, openEmpty)
    testTokens(t, openEmpty)
    testUserBatches(t, openEmpty)
    testWholeTables(t, openEmpty)

    t.test('says that it is unavailable once it is closed, and nothing else', async (t) => {
      const database = await (await make(t))()
      await database.ping()
      await database.close()

      await t.rejects(database.ping(), DatabaseUnavailableError)
      await t.rejects(database.users.insert(makeUser(), makeEvent()), DatabaseUnavailableError)
      await t.rejects(database.users.findByEmail('ada@example.com'), DatabaseUnavailableError)
      const slot = makeSlot({ userId: 'somebody', jti: '', kid: '' })
      await t.rejects(async () => await database.principals.load([slot]), DatabaseUnavailableError)
    })

    t.test('is durable', async (t) => {
      t.equal((await openEmpty(t)).isDurable, true)
    })

    if (kind === 'SQLite in memory') return

    t.test('says at once what another process has changed', async (t) => {
      const open = await make(t)
      const [reader, writer] = [await open(), await open()]
      t.teardown(() => Promise.all([reader.close(), writer.close()]))
      const user = makeUser()
      const slot = makeSlot({ userId: user.id, jti: '', kid: '' })
      const read = async () => {
        await reader.principals.load([slot])
        return slot.row
      }

      t.equal(await read(), undefined)
      await writer.users.insert(user, makeEvent())
      t.match(await read(), { tokenVersion: 0 })
      t.match(await read(), { tokenVersion: 0 })
      await writer.users.raiseTokenVersion(user.id, makeEvent())
      t.match(await read(), { tokenVersion: 1 })
      await writer.users.delete(user.id, makeEvent())
      t.equal(await read(), undefined)
    })

    t.test('gives an e-mail to one account, whichever process asks for it', async (t) => {
      const open = await make(t)
      const processes = await Promise.all([open(), open()])
      t.teardown(() => Promise.all(processes.map((database) => database.close())))

      const inserted = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          processes[index % 2]?.users.insert(makeUser({ email: 'ada@example.com' }), makeEvent()),
        ),
      )

      const [winner, ...others] = inserted.filter((user) => user !== undefined)
      t.same(others, [])
      for (const { users } of processes) t.same(await users.findByEmail('ada@example.com'), winner)
    })

    t.test('shows one moment to whoever reads all of it, whoever writes meanwhile', async (t) => {
      const open = await make(t)
      const [reader, writer] = [await open(), await open()]
      t.teardown(() => Promise.all([reader.close(), writer.close()]))
      await writer.users.insert(makeUser(), makeEvent())

      await reader.withSnapshot(async (snapshot) => {
        await writer.users.insert(makeUser(), makeEvent())
        await reader.users.insert(makeUser(), makeEvent())
        t.equal(await snapshot.count('users'), 1)
        for await (const rows of snapshot.read('users', 10)) t.equal(rows.length, 1)
      })

      t.equal(await reader.withSnapshot((snapshot) => snapshot.count('users')), 3)
    })

    t.test('keeps what was written when it is opened again', async (t) => {
      const open = await make(t)
      const before = await open()
      const user = await before.users.insert(makeUser(), makeEvent())
      await before.close()

      const after = await open()
      t.teardown(() => after.close())

      t.same(await after.users.findById(user?.id ?? ''), user)
    })
  })
}
