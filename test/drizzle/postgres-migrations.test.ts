import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { NewerDatabaseError, openDatabase } from '../../drizzle/index.ts'
import { ada, bearer, createApp, createToken, post } from '../helper.ts'
import { asSuperuser, createDatabase, createSchema, postgresUrl } from '../postgres.ts'
import { createEvent, createUser, migrationCount } from './rows.ts'

/** The lock of every Postern that migrates. */
const ADVISORY_LOCK = 0x706f_7374

/** The columns of a schema's tables, and its migrations. */
async function describeSchema(schema: string): Promise<unknown> {
  return {
    columns: await asSuperuser(
      'select table_name, column_name, data_type from information_schema.columns where table_schema = $1 order by 1, 2',
      [schema],
    ),
    migrations: await asSuperuser(`select * from ${schema}.postern_migrations order by created_at`),
  }
}

t.test('creates the tables once, even if several instances open it at once', async (t) => {
  const { url, schema } = await createSchema(t)

  const databases = await Promise.all(
    Array.from({ length: 10 }, () => openDatabase(url, { databaseSchema: schema, databasePoolSize: 1 })),
  )

  await Promise.all(databases.map((database) => database.ping()))
  await Promise.all(databases.map((database) => database.close()))
  const created = await describeSchema(schema)
  t.match(created, { migrations: { length: migrationCount('postgres') } })
  await (await openDatabase(url, { databaseSchema: schema })).close()
  t.same(await describeSchema(schema), created, 'and opening it again changes nothing')
})

t.test('waits while another process migrates', async (t) => {
  const { url, schema } = await createSchema(t)
  const other = new pg.Client(await postgresUrl())
  await other.connect()
  t.teardown(() => other.end())
  await other.query('select pg_advisory_lock($1)', [ADVISORY_LOCK])

  const opening = openDatabase(url, {
    databaseSchema: schema,
    databaseLockTimeoutMs: 100,
    databaseStatementTimeoutMs: 100,
  })
  t.equal(await Promise.race([opening, setTimeout(500, 'waits')]), 'waits')
  t.same(await asSuperuser('select from pg_tables where schemaname = $1', [schema]), [])

  await other.query('select pg_advisory_unlock($1)', [ADVISORY_LOCK])
  const database = await opening
  await database.ping()
  await database.close()
})

t.test('known addresses from before they had a table stay known', async (t) => {
  const { url, schema } = await createSchema(t)
  const open = () => openDatabase(url, { databaseSchema: schema })
  await (await open()).close()
  for (const statement of [
    `drop table ${schema}.known_addresses`,
    `drop index ${schema}.users_hash_cost_index`,
    `alter table ${schema}.rate_limits drop column waits_until`,
    `delete from ${schema}.postern_migrations where created_at in
       (select created_at from ${schema}.postern_migrations order by created_at desc limit 2)`,
    `insert into ${schema}.rate_limits values ('known_addresses:digest', 1, '2030-01-01T00:00:00Z'),
       ('login_failures_per_account:digest', 1, '2030-01-01T00:00:00Z')`,
  ]) {
    await asSuperuser(statement)
  }

  const database = await open()
  t.teardown(() => database.close())
  t.same(await database.knownAddresses.expiryOf('digest'), new Date('2030-01-01T00:00:00Z'))
  t.same(await asSuperuser(`select key from ${schema}.known_addresses`), [{ key: 'digest' }])
})

t.test('leaves a database of a newer version unchanged', async (t) => {
  const { url, schema } = await createSchema(t)
  await (await openDatabase(url, { databaseSchema: schema })).close()
  await asSuperuser(`alter table ${schema}.users add column shoe_size integer`)
  await asSuperuser(`insert into ${schema}.postern_migrations values (9999999999999, 'unknown')`)
  const before = await describeSchema(schema)

  await t.rejects(openDatabase(url, { databaseSchema: schema }), NewerDatabaseError)

  t.same(await describeSchema(schema), before)
})

t.test('keeps serving while a newer version extends its tables', async (t) => {
  const { url, schema } = await createSchema(t)
  const app = await createApp(t, {
    DATABASE_URL: url,
    DATABASE_SCHEMA: schema,
    SECRET_KEY: 'a secret for tests, of 32 bytes or more',
  })
  const before = await createToken(app)
  t.equal((await app.inject({ url: '/getUser', headers: bearer(before) })).statusCode, 200)

  for (const table of ['users', 'blacklisted_tokens', 'signing_keys', 'clients']) {
    await asSuperuser(`alter table ${schema}.${table} add column shoe_size integer`)
  }
  await asSuperuser(`create table ${schema}.shoes (id text primary key)`)
  await asSuperuser(`insert into ${schema}.postern_migrations values (9999999999999, 'unknown')`)

  t.equal((await app.inject({ url: '/getUser', headers: bearer(before) })).statusCode, 200)
  const eve = { ...ada, email: 'eve@example.com' }
  t.equal((await post(app, '/register', eve)).statusCode, 201)
  for (const token of [before, await createToken(app, eve)]) {
    const headers = bearer(token)
    t.equal((await app.inject({ url: '/getUser', headers })).statusCode, 200)
    t.equal((await app.inject({ method: 'POST', url: '/logout', headers })).statusCode, 200)
    t.equal((await app.inject({ url: '/getUser', headers })).statusCode, 401)
  }
  t.equal((await app.inject('/.well-known/jwks.json')).statusCode, 200)
})

t.test('leaves no partial schema when a migration fails', async (t) => {
  const { url, schema } = await createSchema(t)
  // Conflicts with the last table of the first migration.
  await asSuperuser(`create table ${schema}.users (name text)`)

  await t.rejects(openDatabase(url, { databaseSchema: schema }), /"users" already exists/)

  t.same(await asSuperuser('select tablename from pg_tables where schemaname = $1', [schema]), [
    { tablename: 'users' },
  ])
})

t.test('creates a missing schema, and needs no privilege for an existing one', async (t) => {
  const { url, schema } = await createSchema(t)
  const [may] = await asSuperuser(
    `select has_database_privilege($1, current_database(), 'create') as create`,
    [schema],
  )
  t.same(may, { create: false })
  await (await openDatabase(url, { databaseSchema: schema })).close()
  await t.rejects(openDatabase(url, { databaseSchema: `${schema}_2` }), 'the role may not create another')

  const { url: ownUrl, pool } = await createDatabase(t)
  const database = await openDatabase(ownUrl)
  t.teardown(() => database.close())
  await database.users.insert(createUser(), createEvent())
  t.equal((await pool.query('select from postern.users')).rows.length, 1, 'it is called postern')
})
