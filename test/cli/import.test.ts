import { userInfo } from 'node:os'
import { hash } from '@node-rs/bcrypt'
import t from 'tap'
import { ada } from '../helper.ts'
import { logInAt, startServer } from '../server-process.ts'
import { HASH, hashOf, importText, line, lookInto, onEachDatabase, users } from './user-scene.ts'

onEachDatabase(t, 'imports users, who log in with the passwords that they had', async (t, scene) => {
  const { address } = await startServer(t, scene)
  const hashed = await hash(ada.password, 4)
  const people = ['$2a$', '$2b$', '$2y$'].map((variant, index) => ({
    email: `Person${index}@Example.com`,
    hashed_password: variant + hashed.slice(4),
  }))
  const kept = {
    id: '0B5D1A7E-91F2-4C3B-8A6D-1E2F3A4B5C6D',
    email: 'kept@example.com',
    name: 'Zoë "Zo" O’Neill, 🦉',
    hashed_password: HASH,
    created_at: '2020-02-29T13:00:00.5+01:00',
    disabled_at: '2021-01-01T00:00:00Z',
  }
  const text = [...people, kept].map((each) => JSON.stringify(each)).join('\n')

  const first = await importText(scene, 'users.ndjson', text)

  t.equal(first.code, 0, first.stderr)
  t.match(first.result, { lines: 4, imported: 4, unchanged: 0, bad: 0 })
  t.match(first.stderr, /^Read: 4 rows/)
  for (const { email } of people) t.ok(await logInAt(address, { ...ada, email }), email)
  const db = lookInto(t, scene)
  t.match((await db.all('select * from users where email = ?', kept.email))[0], {
    id: kept.id.toLowerCase(),
    name: kept.name,
    hashed_password: HASH,
    created_at: new Date('2020-02-29T12:00:00.500Z'),
    disabled_at: new Date(kept.disabled_at),
  })
  const events = await db.all(
    `select event, reason, actor, count(*) as events from audit_events
     where reason = 'imported' and user_id in (select id from users) group by event, reason, actor`,
  )
  t.same(events, [{ event: 'user_created', reason: 'imported', actor: userInfo().username, events: 4 }])

  // The logins have rehashed the passwords with the current cost, so the lines of these users differ.
  const again = await importText(scene, 'users.ndjson', text, ['--skip-existing'])
  t.match(again.result, { imported: 0, unchanged: 1, skipped: 3, bad: 0 })
  t.equal(await db.value('select count(*) from audit_events where reason = ?', 'imported'), 4, 'no event')
})

onEachDatabase(t, 'imports only users who do not exist yet', async (t, scene) => {
  const lines = Array.from({ length: 50 }, (_, index) => line(index, { created_at: '2026-01-01T00:00:00Z' }))
  const header = 'email,hashed_password,created_at\n'
  const rows = lines.map((text) => `${Object.values(JSON.parse(text)).join()}\n`)
  await importText(scene, 'some.csv', header + rows.slice(10, 35).join(''), ['--batch-size', '10'])

  const all = await importText(scene, 'all.ndjson', lines.join(''), ['--batch-size', '7'])

  t.equal(all.code, 0, all.stderr)
  t.match(all.result, { lines: 50, imported: 25, unchanged: 25, bad: 0, held_back: 0 })
  const db = lookInto(t, scene)
  t.equal(await db.value('select count(*) from users'), 50)
  t.equal(
    await db.value(
      `select count(distinct user_id) from audit_events
       where event = 'user_created' and user_id in (select id from users)`,
    ),
    50,
  )
})

onEachDatabase(
  t,
  'refuses the tokens that a user had before they were deleted and imported again',
  async (t, scene) => {
    const { address } = await startServer(t, scene)
    const id = '01a20490-3f02-7409-818a-1861e0ce0328'
    const text = line(1, { id, email: ada.email, hashed_password: await hash(ada.password, 4) })
    await importText(scene, 'users.ndjson', text)
    const token = await logInAt(address, ada)
    const status = async () =>
      (await fetch(`${address}/getUser`, { headers: { authorization: `Bearer ${token}` } })).status
    t.equal(await status(), 200)

    await users(scene, ['delete', ada.email])
    t.equal(await status(), 401)
    t.match((await importText(scene, 'users.ndjson', text)).result, { imported: 1 })

    t.equal(await status(), 401, 'the same id, but not the same session')
    t.ok(await logInAt(address, ada), 'they can log in')
  },
)

onEachDatabase(t, 'reads standard input, and writes nothing in a dry run', async (t, scene) => {
  const text = line(1) + line(2)

  const checked = await users(scene, ['import', '-', '--format', 'ndjson', '--dry-run'], text)
  t.equal(checked.code, 0)
  t.equal(checked.stdout, 'Lines: 2; would be imported: 2, unchanged: 0, bad: 0.\n')
  t.equal(await lookInto(t, scene).value('select count(*) from users'), 0)

  const imported = await users(scene, ['import', '-', '--format', 'ndjson'], text)
  t.equal(imported.stdout, 'Lines: 2; imported: 2, unchanged: 0, bad: 0.\n')
  const bad = await users(
    scene,
    ['import', '-', '--format', 'ndjson', '--dry-run'],
    text + line(2, { hashed_password: hashOf(3) }),
  )
  t.equal(bad.code, 3)
  t.match(bad.stderr, 'line 3: line 2 has the same e-mail or id')
})
