import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { NewerDatabaseError, openDatabase } from '../../drizzle/index.ts'
import { ada, bearer, makeApp, makeToken, post } from '../helper.ts'
import { asSuperuser, makeDatabase, makeSchema, postgresUrl } from '../postgres.ts'
import { makeEvent, makeUser, migrationCount } from './rows.ts'

/** What every Postern takes while it migrates. */
const ADVISORY_LOCK = 0x706f_7374

/** The tables of a schema and their columns, and which steps made them. */
async function describeSchema(schema: string): Promise<unknown> {
  return {
    columns: await asSuperuser(
      'select table_name, column_name, data_type from information_schema.columns where table_schema = $1 order by 1, 2',
      [schema],
    ),
    migrations: await asSuperuser(`select * from ${schema}.postern_migrations order by created_at`),
  }
}

t.test('makes the tables once for all who open it at the same moment', async (t) => {
  const { url, schema } = await makeSchema(t)

  const databases = await Promise.all(
    Array.from({ length: 10 }, () => openDatabase(url, { databaseSchema: schema, databasePoolSize: 1 })),
  )

  await Promise.all(databases.map((database) => database.ping()))
  await Promise.all(databases.map((database) => database.close()))
  const made = await describeSchema(schema)
  t.match(made, { migrations: { length: migrationCount('postgres') } })
  await (await openDatabase(url, { databaseSchema: schema })).close()
  t.same(await describeSchema(schema), made, 'and opening it again changes nothing')
})

t.test('waits while another process migrates', async (t) => {
  const { url, schema } = await makeSchema(t)
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

t.test('leaves a database of a newer version as it is', async (t) => {
  const { url, schema } = await makeSchema(t)
  await (await openDatabase(url, { databaseSchema: schema })).close()
  await asSuperuser(`alter table ${schema}.users add column shoe_size integer`)
  await asSuperuser(`insert into ${schema}.postern_migrations values (9999999999999, 'unknown')`)
  const before = await describeSchema(schema)

  await t.rejects(openDatabase(url, { databaseSchema: schema }), NewerDatabaseError)

  t.same(await describeSchema(schema), before)
})

t.test('goes on serving while a newer version adds to its tables', async (t) => {
  const { url, schema } = await makeSchema(t)
  const app = await makeApp(t, {
    DATABASE_URL: url,
    DATABASE_SCHEMA: schema,
    SECRET_KEY: 'a secret for tests, of 32 bytes or more',
  })
  const before = await makeToken(app)
  t.equal((await app.inject({ url: '/getUser', headers: bearer(before) })).statusCode, 200)

  for (const table of ['users', 'blacklisted_tokens', 'signing_keys', 'clients']) {
    await asSuperuser(`alter table ${schema}.${table} add column shoe_size integer`)
  }
  await asSuperuser(`create table ${schema}.shoes (id text primary key)`)
  await asSuperuser(`insert into ${schema}.postern_migrations values (9999999999999, 'unknown')`)

  t.equal((await app.inject({ url: '/getUser', headers: bearer(before) })).statusCode, 200)
  const eve = { ...ada, email: 'eve@example.com' }
  t.equal((await post(app, '/register', eve)).statusCode, 201)
  for (const token of [before, await makeToken(app, eve)]) {
    const headers = bearer(token)
    t.equal((await app.inject({ url: '/getUser', headers })).statusCode, 200)
    t.equal((await app.inject({ method: 'POST', url: '/logout', headers })).statusCode, 200)
    t.equal((await app.inject({ url: '/getUser', headers })).statusCode, 401)
  }
  t.equal((await app.inject('/.well-known/jwks.json')).statusCode, 200)
})

t.test('leaves nothing half-made when a step fails', async (t) => {
  const { url, schema } = await makeSchema(t)
  // In the way of the last table of the first step.
  await asSuperuser(`create table ${schema}.users (name text)`)

  await t.rejects(openDatabase(url, { databaseSchema: schema }), /"users" already exists/)

  t.same(await asSuperuser('select tablename from pg_tables where schemaname = $1', [schema]), [
    { tablename: 'users' },
  ])
})

t.test('makes a schema where there is none, and needs no right to where there is one', async (t) => {
  const { url, schema } = await makeSchema(t)
  const [may] = await asSuperuser(
    `select has_database_privilege($1, current_database(), 'create') as create`,
    [schema],
  )
  t.same(may, { create: false })
  await (await openDatabase(url, { databaseSchema: schema })).close()
  await t.rejects(openDatabase(url, { databaseSchema: `${schema}_2` }), 'it may not make another')

  const { url: ownUrl, pool } = await makeDatabase(t)
  const database = await openDatabase(ownUrl)
  t.teardown(() => database.close())
  await database.users.insert(makeUser(), makeEvent())
  t.equal((await pool.query('select from postern.users')).rows.length, 1, 'it is called postern')
})
