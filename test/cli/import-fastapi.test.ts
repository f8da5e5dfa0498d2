import { join } from 'node:path'
import { hash } from '@node-rs/bcrypt'
import t from 'tap'
import { createFastapiDatabase, FASTAPI_TABLES } from '../fastapi.ts'
import { ada } from '../helper.ts'
import { logInAt, postJson, startServer } from '../server-process.ts'
import { HASH, hashOf, lookInto, onEachDatabase, setScene, users } from './user-scene.ts'

onEachDatabase(t, 'imports the users of a FastAPI app', async (t, scene) => {
  const { address } = await startServer(t, scene)
  const file = join(scene.cwd, 'app.db')
  const hashed = await hash(ada.password, 4)
  const user =
    'insert into users (email, hashed_password, full_name, is_active, created_at) values (?, ?, ?, ?, ?)'
  createFastapiDatabase(file, [
    ...FASTAPI_TABLES,
    [user, 'Ada@Example.com', hashed, 'Ada Lovelace', 1, '2024-05-01 10:11:12.345678'],
    [user, 'bob@example.com', Buffer.from(hashed), null, 0, null],
    [user, 'nobody', hashed, null, 1, null],
    [user, 'ADA@example.com', HASH, 'Another', 1, null],
  ])

  const first = await users(scene, ['import', '--from-fastapi', file, '--skip-bad'])

  t.equal(first.code, 3)
  t.match(first.stdout, 'Users: 4; imported: 2, unchanged: 0, bad: 2.')
  t.match(first.stderr, 'email from email, hashed_password from hashed_password, name from full_name')
  t.match(first.stderr, /^user 3: email must be an e-mail address$/m)
  t.match(first.stderr, /^user 4: user 1 has the same e-mail or id$/m)
  t.ok(await logInAt(address, ada))
  const bob = await postJson(`${address}/login`, { email: 'bob@example.com', password: ada.password })
  t.equal(bob.status, 403, 'inactive there, disabled here')
  const [row] = await lookInto(t, scene).all('select name, created_at from users where email = ?', ada.email)
  t.same(row, { name: 'Ada Lovelace', created_at: new Date('2024-05-01T10:11:12.345Z') })

  const again = await users(scene, [
    'import',
    '--from-fastapi',
    file,
    '--skip-bad',
    '--skip-existing',
    '--json',
  ])
  const [columns, ...rest] = again.stdout
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text))
  t.match(columns, {
    users: 'users',
    columns: { email: 'email' },
    ignored: [],
    revoked_tokens: 'blacklisted_tokens',
  })
  t.match(rest.at(-1), { imported: 0, unchanged: 1, skipped: 1, bad: 2 })
  t.same(rest[0], { user: 3, reasons: ['email must be an e-mail address'] })
})

t.test('knows the usual names of columns, and names the ones it ignores', async (t) => {
  const scene = await setScene(t)
  const variants: [
    table: string,
    sql: string,
    values: unknown[],
    email: string,
    name: string | null,
    disabled: boolean,
  ][] = [
    [
      'user',
      'id integer, username text, password text, disabled boolean',
      [1, 'a@x.test', hashOf(1), 0],
      'a@x.test',
      null,
      false,
    ],
    [
      'Users',
      'id char(32), Email text, username text, password_hash text, active boolean',
      ['f'.repeat(32), 'b@x.test', 'bee', hashOf(2), 'true'],
      'b@x.test',
      'bee',
      false,
    ],
    [
      'users',
      'user_id integer, email text, password text, first_name text, last_name text, is_disabled int',
      [3, 'c@x.test', hashOf(3), 'Cee', 'Dee', 1],
      'c@x.test',
      'Cee Dee',
      true,
    ],
    [
      'users',
      'email text, hashed_password blob, is_active int, is_verified int',
      ['d@x.test', hashOf(4), null, 0],
      'd@x.test',
      null,
      true,
    ],
  ]
  for (const [index, [table, sql, values, email, name, disabled]] of variants.entries()) {
    const file = join(scene.cwd, `app${index}.db`)
    createFastapiDatabase(file, [
      [`create table "${table}" (${sql})`],
      [`insert into "${table}" values (${values.map(() => '?').join()})`, ...values],
    ])
    const { code, stderr } = await users(scene, ['import', '--from-fastapi', file])
    t.equal(code, 0, stderr)
    if (sql.includes('is_verified')) t.match(stderr, 'Not imported: is_verified.')
    const [row] = await lookInto(t, scene).all('select name, disabled_at from users where email = ?', email)
    t.match(row, { name, disabled_at: disabled ? Date : null }, email)
  }

  const unknown: [statement: string | undefined, message: string][] = [
    [undefined, 'unable to open'],
    ['create table people (id integer)', 'This database has no table users'],
    ['create table users (id integer, password text)', 'has no column email'],
    ['create table users (id integer, email text)', 'has no column hashed_password'],
  ]
  for (const [index, [statement, message]] of unknown.entries()) {
    const file = join(scene.cwd, `unknown${index}.db`)
    if (statement !== undefined) createFastapiDatabase(file, [[statement]])
    const { code, stderr } = await users(scene, ['import', '--from-fastapi', file])
    t.equal(code, 1)
    t.match(stderr, message)
  }
})
