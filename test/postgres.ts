import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Test } from 'tap'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

let server: Promise<PostgresServer> | undefined
let superusers: pg.Pool | undefined

/**
 * The superuser's URL of a PostgreSQL server for tests: TEST_DATABASE_URL, which `npm test` sets, or else a server that
 * is started for this process and ends with it.
 */
export async function postgresUrl(): Promise<string> {
  const given = process.env['TEST_DATABASE_URL']
  if (given) return given
  server ??= startPostgres()
  return (await server).url
}

/** Runs a statement as the superuser. */
export async function asSuperuser(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  superusers ??= new pg.Pool({ connectionString: await postgresUrl(), max: 2, allowExitOnIdle: true })
  return (await superusers.query(sql, values)).rows
}

/** A schema for the tables of one deployment, and a role that may use it. */
export interface PostgresPlace {
  /** The URL of a role that may use this schema and cannot create another. */
  url: string
  /** The name of the schema and of the role. */
  schema: string
}

/** Creates an empty schema, and a role that owns nothing else. Both are dropped when the test ends. */
export async function createSchema(t: Test): Promise<PostgresPlace> {
  const schema = `test_${randomBytes(8).toString('hex')}`
  const url = new URL(await postgresUrl())
  url.username = schema
  url.password = randomBytes(8).toString('hex')
  await asSuperuser(`create role ${schema} login password '${url.password}'`)
  await asSuperuser(`create schema ${schema} authorization ${schema}`)
  t.teardown(async () => {
    await disconnect(schema)
    await asSuperuser(`drop owned by ${schema} cascade`)
    await asSuperuser(`drop role ${schema}`)
  })
  return { url: url.href, schema }
}

/** Creates an empty database and connects to it as the superuser. It is dropped when the test ends. */
export async function createDatabase(t: Test): Promise<{ url: string; pool: pg.Pool; name: string }> {
  const name = `test_${randomBytes(8).toString('hex')}`
  const url = new URL(await postgresUrl())
  url.pathname = name
  await asSuperuser(`create database ${name}`)
  t.teardown(() => asSuperuser(`drop database ${name} with (force)`))
  return { url: url.href, pool: openPool(t, url.href), name }
}

/** Opens a pool of connections, as a host app has. It closes when the test ends. */
export function openPool(t: Test, url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  // A connection that is closing may still report that its database was dropped.
  pool.on('error', () => {})
  t.teardown(() => pool.end())
  return pool
}

/** Ends all connections of a role, and waits until they are closed. */
export async function disconnect(role: string): Promise<void> {
  await asSuperuser('select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = $1', [
    role,
  ])
}
