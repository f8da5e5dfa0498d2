import { join } from 'node:path'
import SqliteDriver, { type Database as SqliteHandle } from 'better-sqlite3'
import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { sqliteTable, text } from 'drizzle-orm/sqlite-core'
import t, { type Test } from 'tap'
import { ada, bearer, collectLog, createToken, post } from '../helper.ts'
import { assertWorks, createHostWithPostern, createTables, migrate, users } from './host.ts'

const secretKey = 'a secret of the host’s own, which is long'

/** A host app's own database, in a file, as durable as Postern's. It is closed after the host app. */
function openHostDatabase(t: Test): SqliteHandle {
  const database = new SqliteDriver(join(t.testdir(), 'host.db'))
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  t.teardown(() => database.close())
  return database
}

function tablesIn(database: SqliteHandle): unknown[] {
  const sql = "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by name"
  return database.prepare(sql).pluck().all()
}

const TABLES = [
  'audit_events',
  'blacklisted_tokens',
  'clients',
  'deleted_users',
  'known_addresses',
  'migrations',
  'signing_keys',
  'users',
]

t.test('keeps its tables beside the host’s own users table', async (t) => {
  const database = openHostDatabase(t)
  database.exec(
    'create table users (id integer primary key, shoe_size real); insert into users values (1, 37.5)',
  )
  const host = await createHostWithPostern(t, { database, secretKey })

  await assertWorks(t, host)

  t.same(tablesIn(database), [...TABLES.map((name) => `postern_${name}`), 'users'])
  t.same(database.prepare('select * from users').all(), [{ id: 1, shoe_size: 37.5 }])
  t.equal(database.prepare('select count(*) from postern_users').pluck().get(), 1)
  t.equal(database.prepare('select count(*) from postern_blacklisted_tokens').pluck().get(), 1)
})

t.test('uses another table prefix, even beside a second Postern', async (t) => {
  const database = openHostDatabase(t)
  const staff = await createHostWithPostern(t, { database, secretKey, tablePrefix: 'staff_' })
  const customers = await createHostWithPostern(t, { database, secretKey, tablePrefix: 'customers_' })

  await assertWorks(t, staff)
  await assertWorks(t, customers)

  t.same(
    tablesIn(database),
    ['customers', 'staff'].flatMap((prefix) => TABLES.map((name) => `${prefix}_${name}`)),
  )
  const token = await createToken(staff)
  t.equal((await customers.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 401)
})

t.test('leaves the host’s handle open and its settings unchanged', async (t) => {
  const database = openHostDatabase(t)
  database.pragma('journal_mode = DELETE')
  const pragmas = ['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout', 'fullfsync']
  const settings = () => pragmas.map((name) => database.pragma(name, { simple: true }))
  const before = settings()
  const host = await createHostWithPostern(t, { database, secretKey })
  await assertWorks(t, host)

  await host.close()

  t.ok(database.open)
  t.same(settings(), before)
  t.equal(database.prepare('select email from postern_users').pluck().get(), ada.email)
})

t.test('keeps its data over a restart of the host', async (t) => {
  const database = openHostDatabase(t)
  const first = await createHostWithPostern(t, { database, secretKey })
  const token = await createToken(first)
  await first.close()

  const second = await createHostWithPostern(t, { database, secretKey })

  t.equal((await second.inject({ url: '/notes', headers: bearer(token) })).statusCode, 200)
  await t.rejects(createHostWithPostern(t, { database, secretKey: `${secretKey}, but another` }), {
    name: 'WrongSecretKeyError',
  })
})

t.test('lets the host run the migrations', async (t) => {
  const database = openHostDatabase(t)
  const options = { database, secretKey, migrate: false }
  await t.rejects(createHostWithPostern(t, options), /no such table/)
  t.same(tablesIn(database), [])

  migrate(database)
  const migrated = database.serialize()
  migrate(database)
  t.ok(database.serialize().equals(migrated), 'a second migration changes nothing')

  await assertWorks(t, await createHostWithPostern(t, options))
})

t.test('lets the host migrate tables with another prefix', async (t) => {
  const database = openHostDatabase(t)

  migrate(database, { tablePrefix: 'auth_' })

  t.same(
    tablesIn(database),
    TABLES.map((name) => `auth_${name}`),
  )
  await assertWorks(
    t,
    await createHostWithPostern(t, { database, secretKey, migrate: false, tablePrefix: 'auth_' }),
  )
})

t.test('migrate refuses the names that the plugin refuses, by the same error', async (t) => {
  const database = openHostDatabase(t)
  for (const tablePrefix of ['', 'a-b', '1_', 'x`; drop table users; --', 'ä', 7]) {
    const options = { tablePrefix: tablePrefix as string }
    t.throws(() => migrate(database, options), {
      name: 'InvalidOptionsError',
      message: /^tablePrefix must be /,
    })
  }
  for (const databaseSchema of ['', 'Auth', 'a-b', 'x"; drop schema public; --', 7]) {
    const options = { databaseSchema: databaseSchema as string }
    t.throws(() => migrate(database, options), {
      name: 'InvalidOptionsError',
      message: /^databaseSchema must be /,
    })
  }
  t.throws(() => migrate(database, { prefix: 'x_' } as object), { name: 'InvalidOptionsError' })
  t.same(tablesIn(database), [])
})

t.test('refuses tables of a newer version', async (t) => {
  const database = openHostDatabase(t)
  migrate(database)
  database.exec("insert into postern_migrations values (9999999999999, 'unknown', 0)")

  t.throws(() => migrate(database), { name: 'NewerDatabaseError' })
  await t.rejects(createHostWithPostern(t, { database, secretKey }), { name: 'NewerDatabaseError' })
})

t.test('a host’s Drizzle tables can reference and join its users', async (t) => {
  const database = openHostDatabase(t)
  const host = await createHostWithPostern(t, { database, secretKey })
  const { id } = (await post(host, '/register', ada)).json()
  const notes = sqliteTable('notes', {
    owner: text('owner')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    text: text('text').notNull(),
  })
  database.exec(
    'create table notes (owner text not null references postern_users (id) on delete cascade, text text not null)',
  )
  const db = drizzle(database)
  db.insert(notes).values({ owner: id, text: 'Buy milk' }).run()

  const joined = db
    .select({ email: users.email, since: users.createdAt, text: notes.text })
    .from(notes)
    .innerJoin(users, eq(users.id, notes.owner))
    .all()

  t.match(joined, [{ email: ada.email, since: Date, text: 'Buy milk' }])
  t.throws(() => db.insert(notes).values({ owner: 'nobody', text: 'x' }).run(), /FOREIGN KEY/i)
  await host.postern.deleteUser(id)
  t.same(db.select().from(notes).all(), [])
  const staff = createTables('staff_')
  t.equal(db.select().from(staff.users).toSQL().sql.includes('"staff_users"'), true)
})

for (const [where, open] of [
  ['a file', openHostDatabase],
  ['a database in memory', () => new SqliteDriver(':memory:')],
] as const) {
  t.test(`${where}: sees what the host commits, and not what the host rolls back`, async (t) => {
    const database = open(t)
    const host = await createHostWithPostern(t, { database, secretKey })
    const headers = bearer(await createToken(host))
    const status = async () => (await host.inject({ url: '/notes', headers })).statusCode
    t.equal(await status(), 200)

    database.exec('begin; update postern_users set disabled_at = 0')
    await status()
    database.exec('rollback')
    t.equal(await status(), 200)

    database.exec('update postern_users set disabled_at = 0')
    t.equal(await status(), 401)
    database.exec('update postern_users set disabled_at = null')
    t.equal(await status(), 200)
  })
}

t.test('warns of a handle whose settings may lose acknowledged data', async (t) => {
  const database = openHostDatabase(t)
  for (const [synchronous, warnings] of [
    ['NORMAL', 0],
    ['OFF', 1],
    ['FULL', 0],
    ['EXTRA', 0],
  ] as const) {
    database.pragma(`synchronous = ${synchronous}`)
    const log = collectLog()
    const host = await createHostWithPostern(
      t,
      { database, secretKey },
      { logger: { level: 'warn', stream: log.stream } },
    )
    await host.close()
    t.equal(log.text().split('synchronous = FULL').length - 1, warnings, synchronous)
  }
})

t.test('needs no secret for a database in memory', async (t) => {
  const database = new SqliteDriver(':memory:')
  t.teardown(() => database.close())

  await assertWorks(t, await createHostWithPostern(t, { database }))
})
