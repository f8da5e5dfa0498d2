import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import t from 'tap'
import { ada, bearer, collectLog, createToken, post } from '../helper.ts'
import { createDatabase } from '../postgres.ts'
import { assertWorks, createHostWithPostern, migrate, postgresTables } from './host.ts'

const secretKey = 'a secret of the host’s own, which is long'

const { createTables, users } = postgresTables

async function tablesIn(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query(
    `select schemaname || '.' || tablename as name from pg_tables
     where schemaname !~ '^pg_|^information_schema$' order by 1`,
  )
  return rows.map(({ name }) => name)
}

const TABLES = [
  'audit_events',
  'blacklisted_tokens',
  'clients',
  'deleted_users',
  'known_addresses',
  'postern_migrations',
  'rate_limits',
  'signing_keys',
  'users',
]

t.test('keeps its tables in its own schema, beside the host’s users table', async (t) => {
  const { pool: database } = await createDatabase(t)
  await database.query('create table users (id integer primary key, shoe_size real)')
  await database.query('insert into users values (1, 37.5)')
  const host = await createHostWithPostern(t, { database, secretKey })

  await assertWorks(t, host)

  t.same(await tablesIn(database), [...TABLES.map((name) => `postern.${name}`), 'public.users'])
  t.same((await database.query('select * from users')).rows, [{ id: 1, shoe_size: 37.5 }])
  t.match((await database.query('select email from postern.users')).rows, [{ email: ada.email }])
  t.equal((await database.query('select from postern.blacklisted_tokens')).rowCount, 1)
})

t.test('uses another schema, even beside a second Postern', async (t) => {
  const { pool: database } = await createDatabase(t)
  const staff = await createHostWithPostern(t, { database, secretKey, databaseSchema: 'staff' })
  const customers = await createHostWithPostern(t, { database, secretKey, databaseSchema: 'customers' })

  await assertWorks(t, staff)
  await assertWorks(t, customers)

  t.same(
    await tablesIn(database),
    ['customers', 'staff'].flatMap((schema) => TABLES.map((name) => `${schema}.${name}`)),
  )
  const token = await createToken(staff)
  t.equal((await customers.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 401)
})

t.test('leaves the host’s pool open, with all connections free and their settings unchanged', async (t) => {
  const { pool: database } = await createDatabase(t)
  const show = async () => {
    const { rows } = await database.query(
      `select name, setting from pg_settings
       where name ~ 'timeout|search_path|synchronous|DateStyle|TimeZone|enable_' order by name`,
    )
    return rows
  }
  const before = await show()
  const host = await createHostWithPostern(t, { database, secretKey })
  await assertWorks(t, host)

  await host.close()

  t.equal(database.ended, false)
  t.equal(database.idleCount, database.totalCount, 'each connection is free')
  t.same(await show(), before)
  t.match((await database.query('select email from postern.users')).rows, [{ email: ada.email }])
})

t.test('keeps its data over a restart of the host', async (t) => {
  const { pool: database } = await createDatabase(t)
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
  const { pool: database } = await createDatabase(t)
  const options = { database, secretKey, databaseSchema: 'auth', migrate: false }
  await t.rejects(createHostWithPostern(t, options), /relation "auth.\w+" does not exist/)
  t.same(await tablesIn(database), [])

  await migrate(database, { databaseSchema: 'auth' })
  await migrate(database, { databaseSchema: 'auth' })

  t.same(
    await tablesIn(database),
    TABLES.map((name) => `auth.${name}`),
  )
  await assertWorks(t, await createHostWithPostern(t, options))
})

t.test('refuses tables of a newer version', async (t) => {
  const { pool: database } = await createDatabase(t)
  await migrate(database)
  await database.query("insert into postern.postern_migrations values (9999999999999, 'unknown')")

  await t.rejects(migrate(database), { name: 'NewerDatabaseError' })
  await t.rejects(createHostWithPostern(t, { database, secretKey }), { name: 'NewerDatabaseError' })
})

t.test('a host’s Drizzle tables can reference and join its users', async (t) => {
  const { pool: database } = await createDatabase(t)
  const host = await createHostWithPostern(t, { database, secretKey })
  const registered = (await post(host, '/register', ada)).json()
  const notes = pgTable('notes', {
    owner: text('owner')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    text: text('text').notNull(),
  })
  await database.query(
    'create table notes (owner text not null references postern.users (id) on delete cascade, text text not null)',
  )
  const db = drizzle(database)
  await db.insert(notes).values({ owner: registered.id, text: 'Buy milk' })

  const joined = await db
    .select({ email: users.email, since: users.createdAt, text: notes.text })
    .from(notes)
    .innerJoin(users, eq(users.id, notes.owner))

  t.same(joined, [{ email: ada.email, since: new Date(registered.created_at), text: 'Buy milk' }])
  await t.rejects(db.insert(notes).values({ owner: 'nobody', text: 'x' }), {
    cause: { message: /foreign key/ },
  })
  await host.postern.deleteUser(registered.id)
  t.same(await db.select().from(notes), [])
  const staff = createTables('staff')
  t.match(db.select().from(staff.users).toSQL().sql, '"staff"."users"')
})

t.test('uses no connection that the host has released inside a transaction', async (t) => {
  const { pool: database } = await createDatabase(t)
  const host = await createHostWithPostern(t, { database, secretKey, throttle: false })
  const headers = bearer(await createToken(host))
  const status = async () => (await host.inject({ url: '/getUser', headers })).statusCode
  // Takes every connection, opens a transaction that sees one state of the data, and forgets to end it.
  const forget = async (statement = '') => {
    const clients = await Promise.all(Array.from({ length: database.totalCount }, () => database.connect()))
    for (const client of clients) {
      await client.query('begin isolation level repeatable read')
      await client.query('select count(*) from postern.users')
      if (statement) await t.rejects(client.query(statement))
      client.release()
    }
  }
  t.equal(await status(), 200)

  await forget()
  t.equal((await host.inject({ method: 'POST', url: '/logout', headers })).statusCode, 200)
  await forget('select 1 / 0')
  t.equal(await status(), 401)
  const another = bearer(await createToken(host))
  await forget()
  const server = await createHostWithPostern(t, { database, secretKey })
  await server.postern.logOutEverywhere((await server.postern.findUser({ email: ada.email }))?.id ?? '')
  await forget()
  t.equal((await host.inject({ url: '/getUser', headers: another })).statusCode, 401)
  const { rows } = await database.query('select count(*)::int as revoked from postern.blacklisted_tokens')
  t.same(rows, [{ revoked: 1 }])
})

t.test('sees what the host writes on the next request', async (t) => {
  const { pool: database } = await createDatabase(t)
  const host = await createHostWithPostern(t, { database, secretKey })
  const headers = bearer(await createToken(host))
  const status = async () => (await host.inject({ url: '/notes', headers })).statusCode
  t.equal(await status(), 200)

  await database.query('update postern.users set disabled_at = now()')
  t.equal(await status(), 401)
  await database.query('update postern.users set disabled_at = null')
  t.equal(await status(), 200)
})

t.test('warns of connections whose settings may lose acknowledged data', async (t) => {
  const { pool: database, name } = await createDatabase(t)
  for (const [setting, warnings] of [
    ['off', 1],
    ['local', 0],
    ['on', 0],
  ] as const) {
    await database.query(`alter database ${name} set synchronous_commit = ${setting}`)
    await disconnectAll(database)
    const log = collectLog()
    const host = await createHostWithPostern(
      t,
      { database, secretKey },
      { logger: { level: 'warn', stream: log.stream } },
    )
    await host.close()
    t.equal(log.text().split('synchronous_commit = on').length - 1, warnings, setting)
  }
})

/** Replaces the connections of a pool by new ones, which have the database's present settings. */
async function disconnectAll(pool: pg.Pool): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()))
  for (const client of clients) client.release(true)
}
