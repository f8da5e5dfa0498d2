import { fileURLToPath } from 'node:url'
import type { Database as SqliteHandle } from 'better-sqlite3'
import { getTableName } from '../drizzle-orm.ts'
import { pendingMigrations, type SchemaState, schemaState } from '../migrations.ts'
import { createTables } from './schema.ts'

const MIGRATIONS_FOLDER = fileURLToPath(new URL('migrations', import.meta.url))

/**
 * Applies what is missing, in one transaction that no other process can be in at the same time.
 *
 * @param prefix stands before the name of each table
 * @throws NewerDatabaseError
 */
export function migrateSqlite(handle: SqliteHandle, prefix: string): void {
  const book = bookOf(prefix)
  const steps = () => pendingMigrations(MIGRATIONS_FOLDER, appliedMigrations(handle, book))
  if (steps().length === 0) return
  handle
    .transaction(() => {
      handle.exec(
        `create table if not exists ${book} (created_at integer primary key, hash text not null, applied_at integer not null)`,
      )
      const record = handle.prepare(`insert into ${book} values (?, ?, ?)`)
      for (const { createdAt, hash, statements } of steps()) {
        for (const statement of statements) handle.exec(prefixed(statement, prefix))
        record.run(createdAt, hash, Date.now())
      }
    })
    .immediate()
}

/** How the tables of a database of Postern's own stand to this version. */
export function sqliteSchemaState(handle: SqliteHandle): SchemaState {
  return schemaState(MIGRATIONS_FOLDER, appliedMigrations(handle, bookOf('')))
}

/** Where it is written down what has been applied. */
function bookOf(prefix: string): string {
  return `${prefix || 'postern_'}migrations`
}

function appliedMigrations(handle: SqliteHandle, book: string): number[] {
  const made = handle.prepare('select 1 from sqlite_schema where name = ?').get(book)
  if (!made) return []
  return handle.prepare<[], number>(`select created_at from ${book}`).pluck().all()
}

const tableNames = Object.values(createTables('')).map(getTableName).join('|')
/** A table's name as drizzle-kit quotes it, or an index's, which begins with its table's. */
const QUOTED_NAME = new RegExp(`\`((?:${tableNames})(?:_\\w+)?)\``, 'g')

function prefixed(statement: string, prefix: string): string {
  return statement.replace(QUOTED_NAME, `\`${prefix}$1\``)
}
