import type { Test } from 'tap'
import type { Database, UserConflict } from '../../drizzle/index.ts'
import { createEvent, createNewUser, createUser, NOW } from './rows.ts'
import type { OpenEmpty } from './users.suite.ts'

async function countRows(database: Database): Promise<[users: number, events: number]> {
  return await database.withSnapshot(async (snapshot) => [
    await snapshot.count('users'),
    await snapshot.count('auditEvents'),
  ])
}

const never = () => false
const always = () => true

/** What every database must do for many users at once. */
export function testUserBatches(t: Test, openEmpty: OpenEmpty): void {
  t.test('creates many users at once, each with its event', async (t) => {
    const database = await openEmpty(t)
    const { insert } = database.openUserBatches()
    const special = createNewUser({ name: 'Zoë \\ "x"\t\n🦉 {a,NULL}', disabledAt: NOW, tokenVersion: 7 })
    const batch = [special, ...Array.from({ length: 999 }, () => createNewUser())]

    t.same(await insert(batch, never), { inserted: 1000, conflicts: [] })

    t.same(await countRows(database), [1000, 1000])
    t.same(await database.users.findById(special.user.id), special.user)
    t.same(await database.auditEvents.list({ userId: special.user.id, limit: 2 }), [special.event])
    t.same(await insert([], never), { inserted: 0, conflicts: [] })
  })

  t.test('keeps every character of a name', async (t) => {
    const database = await openEmpty(t)
    const names = [
      ...[
        '',
        'NULL',
        '\\N',
        '\\.',
        '\\',
        'a\\tb',
        'a\tb\r\nc\\\n',
        '\b\f\v\u0001\u001b[31m\u007f',
        '"a","b"',
        "O'Neill",
      ],
      ...['Zoë', 'Zoe\u0308', '李雷', 'नमस्ते', '🦉👩‍👩‍👧', '\ufeff\u2028\u202e', '\u{10ffff}'],
    ]
    const batch = names.map((name) => createNewUser({ name }))

    for (const [way, others] of Object.entries({ 'without conflicts': [], 'with conflicts': batch })) {
      const more = way === 'with conflicts' ? names.map((name) => createNewUser({ name })) : batch
      await database.openUserBatches().insert([...others, ...more], always)
      const found = await Promise.all(more.map(({ user }) => database.users.findById(user.id)))
      t.same(
        found,
        more.map(({ user }) => user),
        way,
      )
    }
  })

  t.test('creates none of them if one may not be skipped', async (t) => {
    const database = await openEmpty(t)
    const { findConflicts, insert } = database.openUserBatches()
    const [ada, bob] = [createNewUser(), createNewUser()]
    await insert([ada, bob], never)
    const sameEmail = createNewUser({ email: ada.user.email })
    const sameId = createNewUser({ id: bob.user.id })
    const batch = [createNewUser(), sameEmail, createNewUser(), sameId]
    const expected: UserConflict[] = [
      { user: sameEmail.user, taken: ada.user },
      { user: sameId.user, taken: bob.user },
    ]

    t.same(await findConflicts(batch.map(({ user }) => user)), expected)
    for (const attempt of ['at first', 'and again']) {
      const asked: UserConflict[] = []
      const result = await insert(batch, (conflict) => asked.push(conflict) > 1)
      t.same(result, { inserted: 0, conflicts: expected }, attempt)
      t.same(asked, expected.slice(0, 1))
      t.same(await countRows(database), [2, 2])
    }

    t.same(await insert(batch, always), { inserted: 2, conflicts: expected }, 'unless they may be skipped')
    t.same(await countRows(database), [4, 4])
    t.same(await database.users.findById(bob.user.id), bob.user, 'nothing is overwritten')
    t.same(
      await insert([createNewUser(), createNewUser()], never),
      { inserted: 2, conflicts: [] },
      'the next ones too',
    )
  })

  t.test('gives an e-mail to one of two batches', async (t) => {
    const database = await openEmpty(t)
    const batches = [1, 2].map(() => [
      createNewUser({ email: 'ada@example.com' }),
      ...Array.from({ length: 50 }, () => createNewUser()),
    ])

    const results = await Promise.all(batches.map((batch) => database.openUserBatches().insert(batch, never)))

    t.same(results.map(({ inserted }) => inserted).sort(), [0, 51])
    t.same(await countRows(database), [51, 51])
  })

  t.test('remembers the ids of deleted users', async (t) => {
    const { users, deletedUsers, withSnapshot } = await openEmpty(t)
    for (const id of ['a', 'b', 'c']) await users.insert(createUser({ id }), createEvent())
    for (const id of ['a', 'c', 'd']) await users.delete(id, createEvent())
    await users.insert(createUser({ id: 'a' }), createEvent())
    t.match(await users.delete('a', createEvent()), { id: 'a' }, 'a second time')

    t.same(await deletedUsers.find(['a', 'b', 'd']), new Set(['a']))
    t.same(await deletedUsers.find([]), new Set())
    await withSnapshot(async (snapshot) => {
      for await (const rows of snapshot.read('deletedUsers', 10)) {
        t.same(rows, [
          { id: 'a', deletedAt: NOW },
          { id: 'c', deletedAt: NOW },
        ])
      }
    })
  })

  t.test('lists the users that match, by e-mail', async (t) => {
    const database = await openEmpty(t)
    const emails = ['a_b@x.test', 'ab@x.test', 'a%b@y.test', 'a!b@y.test']
    const batch = emails.map((email, index) => createNewUser({ email, disabledAt: index === 1 ? NOW : null }))
    await database.openUserBatches().insert(batch, never)
    const list = async (filter: object) =>
      (await database.users.list({ limit: 10, ...filter })).map(({ email }) => email)

    const all = await list({})
    t.same([...all].sort(), [...emails].sort())
    const pages = [await list({ limit: 3 }), await list({ limit: 3, after: all[2] })]
    t.same(pages, [all.slice(0, 3), all.slice(3)])
    for (const [part, expected] of Object.entries({ a_: emails[0], 'a%': emails[2], 'a!': emails[3] })) {
      t.same(await list({ email: part }), [expected], part)
    }
    t.same(await list({ isDisabled: true }), ['ab@x.test'])
    t.equal((await list({ isDisabled: false, email: '@x' })).length, 1)
  })
}
