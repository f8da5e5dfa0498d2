import { join } from 'node:path'
import type { Test } from 'tap'
import { type Database, openDatabase } from '../../drizzle/index.ts'
import { createSchema } from '../postgres.ts'

/** The settings of a deployment, as environment variables. */
type Settings = Record<string, string> & { DATABASE_URL: string }

const SECRET_KEY = 'a secret for tests, of 32 bytes or more'

/** A SQLite database in a working directory. */
export async function sqlite(_t: Test, cwd: string): Promise<Settings> {
  return { DATABASE_URL: join(cwd, 'postern.db'), SECRET_KEY }
}

async function postgres(t: Test): Promise<Settings> {
  const { url, schema } = await createSchema(t)
  return { DATABASE_URL: url, DATABASE_SCHEMA: schema, SECRET_KEY }
}

/** The settings of an empty database of each kind. */
export const places: Record<string, (t: Test, cwd: string) => Promise<Settings>> = {
  SQLite: sqlite,
  PostgreSQL: postgres,
}

/** Opens a database until the test ends, and creates its tables. */
export async function openPlace(
  t: Test,
  { DATABASE_URL, DATABASE_SCHEMA: schema }: Settings,
): Promise<Database> {
  const database = await openDatabase(
    DATABASE_URL,
    schema === undefined ? {} : { databaseSchema: schema, databasePoolSize: 2 },
  )
  t.teardown(() => database.close())
  return database
}
