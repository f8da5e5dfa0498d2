import { join } from 'node:path'
import type { Test } from 'tap'
import { type Database, openDatabase } from '../drizzle/index.ts'
import { makeSchema } from './postgres.ts'
import { openPostgresBeside } from './postgres-beside.ts'
import { openSqliteBeside } from './sqlite-beside.ts'

/** Whether the apps of tests that name no database are on PostgreSQL. `npm test` runs the endpoints' tests so, a second time. */
export const isPostgres = process.env['TEST_DATABASE'] === 'postgres'

const SECRET_KEY = 'a secret for tests, of 32 bytes or more'

/** The settings of apps that share a database. */
export type SharedSettings = Record<string, string> & { DATABASE_URL: string; SECRET_KEY: string }

/** A new database that several apps can share, and that a test can look into. */
export async function sharedSettings(t: Test): Promise<SharedSettings> {
  if (!isPostgres) return { DATABASE_URL: join(t.testdir(), 'postern.db'), SECRET_KEY }
  const { url, schema } = await makeSchema(t)
  return { DATABASE_URL: url, DATABASE_SCHEMA: schema, DATABASE_POOL_SIZE: '3', SECRET_KEY }
}

/** Opens the database of an app a further time, as another process does. */
export async function openShared(t: Test, settings: SharedSettings): Promise<Database> {
  const { DATABASE_URL, DATABASE_SCHEMA: schema } = settings
  const database = await openDatabase(DATABASE_URL, {
    ...(schema !== undefined && { databaseSchema: schema, databasePoolSize: 1 }),
  })
  t.teardown(() => database.close())
  return database
}

/** A column whose name ends in `_at` is an instant; a value that is a `Date` becomes one. */
export type Row = Record<string, unknown>

/**
 * A connection of one's own to a database that an app has made, as an operator may have. Statements are SQL that both databases
 * understand, with `?` for each value.
 */
export interface Beside {
  run(sql: string, ...values: unknown[]): Promise<void>
  all(sql: string, ...values: unknown[]): Promise<Row[]>
  /** The first column of the first row. */
  value(sql: string, ...values: unknown[]): Promise<unknown>
  /** Lets nobody else write into a table until what it resolves with is called. */
  lock(table: string): Promise<() => Promise<void>>
  /** Makes the database unable to answer anybody but us, until what it resolves with is called. */
  breakDown(): Promise<() => Promise<void>>
}

/** Opens a database beside the app that has made it. */
export function openBeside(t: Test, { DATABASE_URL, DATABASE_SCHEMA }: Record<string, string>): Beside {
  if (DATABASE_URL === undefined) throw new Error('DATABASE_URL is not set')
  return DATABASE_SCHEMA === undefined
    ? openSqliteBeside(t, DATABASE_URL)
    : openPostgresBeside(t, DATABASE_SCHEMA)
}
