import type { Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import type { Snapshot, TableName, TableRow } from '../../drizzle/index.ts'
import { after, makeBlacklistedToken, makeEvent, makeSigningKey, makeUser, NOW } from './rows.ts'
import type { OpenEmpty } from './users.suite.ts'

type Rows = { [Name in TableName]: TableRow<Name>[] }

/** What is hard to carry over: nulls, the ends of ranges, and whatever has a meaning in SQL, JSON or arrays. */
function makeRows(): Rows {
  const text = `,{}"'\\ \n\t NULL % ß 𝔘 "quoted" \\N`
  return {
    users: [
      { ...makeUser(), name: text, disabledAt: after(1), tokenVersion: 2_147_483_647 },
      { ...makeUser(), name: null, disabledAt: null, tokenVersion: 0 },
    ],
    blacklistedTokens: [makeBlacklistedToken(), makeBlacklistedToken({ expiresAt: new Date(0) })],
    signingKeys: [
      makeSigningKey({ publicKey: text }),
      makeSigningKey({ publicKey: null, retiresAt: after(1) }),
    ],
    clients: [{ id: uuidv7(), name: text, hashedSecret: 'x', createdAt: NOW }],
    auditEvents: [makeEvent({ userAgent: text }), makeEvent({ actor: text, userId: uuidv7() })],
  }
}

const names = Object.keys(makeRows()) as TableName[]

async function readAll<Name extends TableName>(snapshot: Snapshot, name: Name, limit = 100) {
  const rows: TableRow<Name>[] = []
  for await (const step of snapshot.read(name, limit)) rows.push(...step)
  return rows
}

/** What is done with whole tables: inserting many rows at once, and reading all of them. */
export function testWholeTables(t: Test, openEmpty: OpenEmpty): void {
  t.test('inserts rows as they are, and leaves out those that conflict', async (t) => {
    const database = await openEmpty(t)
    const rows = makeRows()

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

  t.test('reads a table in steps, each row once', async (t) => {
    const database = await openEmpty(t)
    const tokens = Array.from({ length: 10 }, () => makeBlacklistedToken())
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
      const strangers = [makeBlacklistedToken(), makeBlacklistedToken()]
      const asked = [...tokens.slice(3), ...strangers]
      t.same(await snapshot.known('blacklistedTokens', asked), tokens.slice(3))
      t.same(await snapshot.known('blacklistedTokens', strangers), [])
    })
  })

  t.test('hands on what goes wrong while it reads', async (t) => {
    const database = await openEmpty(t)
    const failure = new Error('of the reader')
    await t.rejects(
      database.withSnapshot(() => Promise.reject(failure)),
      failure,
    )
    t.equal(await database.withSnapshot((snapshot) => snapshot.count('users')), 0)
  })
}
