import { join } from 'node:path'
import type { Test } from 'tap'
import { type Database, openDatabase } from '../drizzle/index.ts'
import { createSchema } from './postgres.ts'
import { openPostgresBeside } from './postgres-beside.ts'
import { openSqliteBeside } from './sqlite-beside.ts'

/** Whether apps in tests use PostgreSQL by default. `npm test` sets this when it runs tests a second time. */
export const isPostgres = process.env['TEST_DATABASE'] === 'postgres'

const SECRET_KEY = 'a secret for tests, of 32 bytes or more'

/** The settings of apps that share a database. */
export type SharedSettings = Record<string, string> & { DATABASE_URL: string; SECRET_KEY: string }

/** The settings of a new database that several apps can share, and that a test can read and change. */
export async function sharedSettings(t: Test): Promise<SharedSettings> {
  if (!isPostgres) return { DATABASE_URL: join(t.testdir(), 'postern.db'), SECRET_KEY }
  const { url, schema } = await createSchema(t)
  return { DATABASE_URL: url, DATABASE_SCHEMA: schema, DATABASE_POOL_SIZE: '3', SECRET_KEY }
}

/** Opens the database of an app again, as another process would. */
export async function openShared(t: Test, settings: SharedSettings): Promise<Database> {
  const { DATABASE_URL, DATABASE_SCHEMA: schema } = settings
  const database = await openDatabase(DATABASE_URL, {
    ...(schema !== undefined && { databaseSchema: schema, databasePoolSize: 1 }),
  })
  t.teardown(() => database.close())
  return database
}

/** A row by column. A column whose name ends in `_at` holds a `Date` or null. */
export type Row = Record<string, unknown>

/**
 * A separate connection to the database of an app, as an operator may have. Statements are SQL that both databases
 * understand, with `?` for each value. A value may be a `Date`.
 */
export interface Beside {
  run(sql: string, ...values: unknown[]): Promise<void>
  all(sql: string, ...values: unknown[]): Promise<Row[]>
  /** The first column of the first row. */
  value(sql: string, ...values: unknown[]): Promise<unknown>
  /** Locks a table against writes by other connections. @returns the function that unlocks it */
  lock(table: string): Promise<() => Promise<void>>
  /** Makes all other connections to the database fail. @returns the function that repairs it */
  breakDown(): Promise<() => Promise<void>>
}

/** Opens a separate connection to the database of an app. */
export function openBeside(t: Test, { DATABASE_URL, DATABASE_SCHEMA }: Record<string, string>): Beside {
  if (DATABASE_URL === undefined) throw new Error('DATABASE_URL is not set')
  return DATABASE_SCHEMA === undefined
    ? openSqliteBeside(t, DATABASE_URL)
    : openPostgresBeside(t, DATABASE_SCHEMA)
}
