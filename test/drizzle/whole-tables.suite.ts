import type { Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import type { Snapshot, TableName, TableRow } from '../../drizzle/index.ts'
import { after, createBlacklistedToken, createEvent, createSigningKey, createUser, NOW } from './rows.ts'
import type { OpenEmpty } from './users.suite.ts'

type Rows = { [Name in TableName]: TableRow<Name>[] }

/** Values that are hard to copy: nulls, the ends of ranges, and special characters of SQL, JSON and arrays. */
function createRows(): Rows {
  const text = `,{}"'\\ \n\t NULL % ß 𝔘 "quoted" \\N`
  return {
    users: [
      { ...createUser(), name: text, disabledAt: after(1), tokenVersion: 2_147_483_647 },
      { ...createUser(), name: null, disabledAt: null, tokenVersion: 0 },
    ],
    deletedUsers: [{ id: uuidv7(), deletedAt: NOW }],
    blacklistedTokens: [createBlacklistedToken(), createBlacklistedToken({ expiresAt: new Date(0) })],
    signingKeys: [
      createSigningKey({ publicKey: text }),
      createSigningKey({ publicKey: null, retiresAt: after(1) }),
    ],
    clients: [{ id: uuidv7(), name: text, hashedSecret: 'x', createdAt: NOW }],
    knownAddresses: [{ key: text, expiresAt: after(1) }],
    auditEvents: [createEvent({ userAgent: text }), createEvent({ actor: text, userId: uuidv7() })],
  }
}

const names = Object.keys(createRows()) as TableName[]

async function readAll<Name extends TableName>(snapshot: Snapshot, name: Name, limit = 100) {
  const rows: TableRow<Name>[] = []
  for await (const batch of snapshot.read(name, limit)) rows.push(...batch)
  return rows
}

/** What every database must do with whole tables: insert many rows at once, and read all of them. */
export function testWholeTables(t: Test, openEmpty: OpenEmpty): void {
  t.test('inserts rows as they are, and skips those that conflict', async (t) => {
    const database = await openEmpty(t)
    const rows = createRows()

    for (const name of names) {
      t.equal(await database.insertRows(name, rows[name]), rows[name].length, name)
      t.equal(await database.insertRows(name, rows[name]), 0, `${name} again`)
      t.equal(await database.insertRows(name, []), 0, `no ${name}`)
    }

    await database.withSnapshot(async (snapshot) => {
      for (const name of names) t.same(await readAll(snapshot, name), rows[name], name)
    })
    const [first, second] = rows.users
    if (!first || !second) throw new Error('There are two users')
    const others = [
      { ...first, id: uuidv7() },
      { ...second, email: 'other@example.com' },
    ]
    const added = { ...second, id: uuidv7(), email: 'added@example.com' }
    t.equal(await database.insertRows('users', [...others, added, added]), 1)
    t.same(await database.users.findByEmail(first.email), first)
  })

  t.test('reads a table in batches, each row once', async (t) => {
    const database = await openEmpty(t)
    const tokens = Array.from({ length: 10 }, () => createBlacklistedToken())
    await database.insertRows('blacklistedTokens', tokens)

    await database.withSnapshot(async (snapshot) => {
      for (const limit of [1, 3, 5, 10, 11]) {
        const read = await readAll(snapshot, 'blacklistedTokens', limit)
        t.same(
          read.map(({ jti }) => jti).sort(),
          tokens.map(({ jti }) => jti),
          `${limit} at a time`,
        )
      }
      const strangers = [createBlacklistedToken(), createBlacklistedToken()]
      const asked = [...tokens.slice(3), ...strangers]
      t.same(await snapshot.known('blacklistedTokens', asked), tokens.slice(3))
      t.same(await snapshot.known('blacklistedTokens', strangers), [])
    })
  })

  t.test('throws the errors of the action as they are', async (t) => {
    const database = await openEmpty(t)
    const failure = new Error('of the action')
    await t.rejects(
      database.withSnapshot(() => Promise.reject(failure)),
      failure,
    )
    t.equal(await database.withSnapshot((snapshot) => snapshot.count('users')), 0)
  })
}
