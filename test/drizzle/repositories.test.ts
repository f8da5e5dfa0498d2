import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DatabaseUnavailableError, openDatabase } from '../../drizzle/index.ts'
import { type OpenEmpty, testAccounts } from './accounts.suite.ts'
import { makeSlot, makeUser } from './rows.ts'
import { testTokens } from './tokens.suite.ts'

/** The kinds of database that the suite runs over. */
const kinds: Record<string, (t: Test) => string> = {
  'SQLite in memory': () => ':memory:',
  'SQLite in a file': (t) => join(t.testdir(), 'postern.db'),
}

for (const [kind, urlFor] of Object.entries(kinds)) {
  t.test(kind, async (t) => {
    const openEmpty: OpenEmpty = async (t) => {
      const database = await openDatabase(urlFor(t))
      t.teardown(() => database.close())
      return database
    }

    testAccounts(t, openEmpty)
    testTokens(t, openEmpty)

    t.test('says that it is unavailable once it is closed, and nothing else', async (t) => {
      const database = await openDatabase(urlFor(t))
      await database.ping()
      await database.close()

      await t.rejects(database.ping(), DatabaseUnavailableError)
      await t.rejects(database.users.insert(makeUser()), DatabaseUnavailableError)
      await t.rejects(database.users.findByEmail('ada@example.com'), DatabaseUnavailableError)
    })
  })
}

t.test('says at once what another process has changed in the same file', async (t) => {
  const path = join(t.testdir(), 'postern.db')
  const [reader, writer] = [await openDatabase(path), await openDatabase(path)]
  t.teardown(() => Promise.all([reader.close(), writer.close()]))
  const user = makeUser()
  const slot = makeSlot({ userId: user.id, jti: '', kid: '' })
  const read = async () => {
    await reader.principals.load([slot])
    return slot.row
  }

  t.equal(await read(), undefined)
  await writer.users.insert(user)
  t.match(await read(), { tokenVersion: 0 })
  t.match(await read(), { tokenVersion: 0 })
  await writer.users.raiseTokenVersion(user.id)
  t.match(await read(), { tokenVersion: 1 })
  await writer.users.delete(user.id)
  t.equal(await read(), undefined)
})
