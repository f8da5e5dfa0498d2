import { join } from 'node:path'
import { hash } from '@node-rs/bcrypt'
import t from 'tap'
import { postern } from '../cli.ts'
import { createFastapiDatabase, FASTAPI_SECRET, FASTAPI_TABLES, fastapiToken, inAnHour } from '../fastapi.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, startServer } from '../server-process.ts'
import { withClockAhead } from '../shifted-clock.ts'
import { lookInto, onEachDatabase, type Scene, setScene, users } from './user-scene.ts'

const USER = 'insert into users (id, email, hashed_password, is_active) values (?, ?, ?, ?)'
const REVOKED = 'insert into blacklisted_tokens (token) values (?)'
const EXPIRED = fastapiToken({ sub: 'x', exp: 1_700_000_000 })

/** Imports from an app's database, and accepts its tokens for an hour. */
async function importTokens(
  scene: Scene,
  file: string,
  args: string[] = [],
  secret: string | null = FASTAPI_SECRET,
) {
  const env = { ...scene.env, ...(secret !== null && { FASTAPI_SECRET_KEY: secret }) }
  return await users({ ...scene, env }, ['import', '--from-fastapi', file, '--accept-tokens', '60', ...args])
}

onEachDatabase(t, 'accepts the tokens of a FastAPI app', async (t, scene) => {
  const { address } = await startServer(t, scene)
  const status = async (token: string) =>
    (await fetch(`${address}/getUser`, { headers: bearer(token) })).status
  const native = { ...ada, email: 'native@example.com' }
  await postJson(`${address}/register`, native)
  const exp = inAnHour()
  const token = (sub: string, more = 0) => fastapiToken({ sub, exp: exp + more })
  const revoked = token('Ada@Example.com', 1)
  const file = join(scene.cwd, 'app.db')
  const hashed = await hash(ada.password, 4)
  createFastapiDatabase(file, [
    ...FASTAPI_TABLES,
    [USER, 1, 'Ada@Example.com', hashed, 1],
    [USER, 2, 'bob@example.com', hashed, 0],
    [USER, 3, native.email, hashed, 1],
    [REVOKED, revoked],
    [REVOKED, EXPIRED],
    [REVOKED, 'nonsense'],
  ])
  t.equal(await status(token('Ada@Example.com')), 401)

  const { code, stdout, stderr } = await importTokens(scene, file, ['--skip-existing'])

  t.equal(code, 0, stderr)
  t.match(stdout, 'Users: 3; imported: 2, unchanged: 0, skipped: 1, bad: 0.')
  t.match(
    stdout,
    /^Their tokens are accepted until \S+Z\.\nRevoked tokens: refused 1, expired 1, of another app 1\.$/m,
  )
  t.equal(await status(token('Ada@Example.com')), 200, 'at once')
  t.equal(await status(revoked), 401, 'but not one that the app revoked')
  t.equal(await status(token('bob@example.com')), 401, 'nor one of a disabled user')
  await users(scene, ['enable', 'bob@example.com'])
  t.equal(await status(token('bob@example.com')), 401, 'not even once they are enabled')
  t.equal(await status(token(native.email)), 401, 'nor one of a user who existed before')
  t.ok(await logInAt(address, native))

  await users(scene, ['log-out', ada.email])
  t.equal(await status(token('Ada@Example.com')), 401, 'logged out everywhere')
  await users(scene, ['delete', ada.email])
  await lookInto(t, scene).run('delete from audit_events')
  const again = await importTokens(scene, file, ['--skip-existing', '--json'])
  const printed = again.stdout
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text))
  t.match(printed.at(-2), { imported: 1, unchanged: 0, skipped: 2 })
  t.match(printed.at(-1), { revoked: 1, expired: 1, others: 1, accounts_without: 1 })
  t.equal(await status(token('Ada@Example.com')), 401, 'deleted, and imported again')
  t.ok(await logInAt(address, ada))

  const keys = await lookInto(t, scene).all(
    "select kid, algorithm from signing_keys where kid like 'fastapi-%'",
  )
  t.match(keys, [{ algorithm: 'HS256-fastapi' }], 'one key, however often it runs')
})

t.test(
  'refuses the tokens that the app has revoked, even if the clock of the command is ahead',
  async (t) => {
    const scene = await setScene(t)
    const { address } = await startServer(t, scene)
    const file = join(scene.cwd, 'app.db')
    const revoked = fastapiToken({ sub: ada.email, exp: inAnHour() })
    const other = fastapiToken({ sub: ada.email, exp: inAnHour() + 1 })
    createFastapiDatabase(file, [
      ...FASTAPI_TABLES,
      [USER, 1, ada.email, await hash(ada.password, 4), 1],
      [REVOKED, revoked],
    ])

    const { code, stdout } = await importTokens(withClockAhead(scene, 2 * 3_600_000), file)

    t.equal(code, 0)
    t.match(stdout, 'Revoked tokens: refused 1, expired 0')
    const statuses = [revoked, other].map(async (token) => {
      return (await fetch(`${address}/getUser`, { headers: bearer(token) })).status
    })
    t.same(await Promise.all(statuses), [401, 200])
  },
)

onEachDatabase(t, 'knows which users a former version has deleted', async (t, scene) => {
  const db = lookInto(t, scene)
  const [first, second] = [new Date('2026-01-01T09:30:00Z'), new Date('2026-02-01T09:30:00Z')]
  const record = 'insert into audit_events (id, event, user_id, created_at) values (?, ?, ?, ?)'
  await db.run(record, '1', 'user_deleted', 'ada', second)
  await db.run(record, '2', 'user_deleted', 'ada', first)
  await db.run(record, '3', 'user_created', 'bob', first)
  await db.run(record, '4', 'user_deleted', null, first)
  // The database of before that migration and the two after it.
  await db.run('drop table deleted_users')
  await db.run('drop table known_addresses')
  await db.run('drop index users_hash_cost_index')
  if (scene.env['DATABASE_SCHEMA']) await db.run('alter table rate_limits drop column waits_until')
  await db.run(
    `delete from postern_migrations where created_at in
       (select created_at from postern_migrations order by created_at desc limit 3)`,
  )

  t.equal((await postern(['migrate'], scene)).code, 0)

  t.same(await db.all('select id, deleted_at from deleted_users'), [{ id: 'ada', deleted_at: first }])
})

t.test('uses the claim and the column of --token-subject', async (t) => {
  const scene = await setScene(t)
  const { address } = await startServer(t, scene)
  const file = join(scene.cwd, 'app.db')
  createFastapiDatabase(file, [...FASTAPI_TABLES, [USER, 7, ada.email, await hash(ada.password, 4), 1]])

  const { code, stderr } = await importTokens(scene, file, ['--token-subject', 'user_id=id'])

  t.equal(code, 0, stderr)
  const response = await fetch(`${address}/getUser`, {
    headers: bearer(fastapiToken({ user_id: 7, exp: inAnHour() })),
  })
  t.match([response.status, await response.json()], [200, { email: ada.email }])
  const other = await fetch(`${address}/getUser`, {
    headers: bearer(fastapiToken({ sub: '7', exp: inAnHour() })),
  })
  t.equal(other.status, 401)
})

t.test('accepts no tokens if that is not safe, and imports no users', async (t) => {
  const scene = await setScene(t)
  const file = join(scene.cwd, 'app.db')
  createFastapiDatabase(file, [
    ...FASTAPI_TABLES,
    [USER, 1, ada.email, await hash(ada.password, 4), 1],
    [REVOKED, EXPIRED],
  ])
  const without = join(scene.cwd, 'without.db')
  createFastapiDatabase(without, FASTAPI_TABLES.slice(0, 1))
  const known = '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7'

  for (const [path, args, secret, message] of [
    [file, [], 'short', 'less than 32 bytes'],
    [file, [], known, 'documentation of FastAPI'],
    [file, [], null, 'None of the revoked tokens was signed with this SECRET_KEY'],
    [file, ['--token-subject', 'sub=login'], FASTAPI_SECRET, 'the column login'],
    [without, [], FASTAPI_SECRET, 'no table blacklisted_tokens'],
  ] as const) {
    const { code, stderr } = await importTokens(scene, path, [...args], secret)
    t.equal(code, 1, message)
    t.match(stderr, message)
    t.notMatch(stderr, FASTAPI_SECRET)
  }
  const db = lookInto(t, scene)
  t.same(
    [await db.value('select count(*) from users'), await db.value('select count(*) from signing_keys')],
    [0, 0],
  )

  const dryRun = await importTokens(scene, file, ['--dry-run'])
  t.equal(dryRun.code, 0)
  t.equal(await db.value('select count(*) from signing_keys'), 0)
  t.equal((await importTokens(scene, file)).code, 0)
  const other = join(scene.cwd, 'other.db')
  createFastapiDatabase(other, FASTAPI_TABLES)
  const second = await importTokens(scene, other, [], 'the secret of another application, also long')
  t.equal(second.code, 1)
  t.match(second.stderr, 'Tokens of another FastAPI app are accepted until')
  const { stdout } = await users(scene, ['list', '--json'])
  t.equal(JSON.parse(stdout).length, 1)
})
