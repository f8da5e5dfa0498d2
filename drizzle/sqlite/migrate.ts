import { fileURLToPath } from 'node:url'
import type { Database as SqliteHandle } from 'better-sqlite3'
import { getTableName } from '../drizzle-orm.ts'
import { pendingMigrations, type SchemaState, schemaState } from '../migrations.ts'
import { createTables } from './schema.ts'

const MIGRATIONS_FOLDER = fileURLToPath(new URL('migrations', import.meta.url))

/**
 * Applies the pending migrations in one transaction, which holds the write lock from its start, so that of several
 * processes one migrates and the others wait.
 *
 * @param prefix the prefix of the tables
 * @throws NewerDatabaseError
 */
export function migrateSqlite(handle: SqliteHandle, prefix: string): void {
  const table = migrationsTable(prefix)
  const pending = () => pendingMigrations(MIGRATIONS_FOLDER, appliedMigrations(handle, table))
  if (pending().length === 0) return
  handle
    .transaction(() => {
      handle.exec(
        `create table if not exists ${table} ` +
          '(created_at integer primary key, hash text not null, applied_at integer not null)',
      )
      const record = handle.prepare(`insert into ${table} values (?, ?, ?)`)
      for (const { createdAt, hash, statements } of pending()) {
        for (const statement of statements) handle.exec(prefixed(statement, prefix))
        record.run(createdAt, hash, Date.now())
      }
    })
    .immediate()
}

/** The state of a database of Postern's own. */
export function sqliteSchemaState(handle: SqliteHandle): SchemaState {
  return schemaState(MIGRATIONS_FOLDER, appliedMigrations(handle, migrationsTable('')))
}

function migrationsTable(prefix: string): string {
  return `${prefix || 'postern_'}migrations`
}

function appliedMigrations(handle: SqliteHandle, table: string): number[] {
  const exists = handle.prepare('select 1 from sqlite_schema where name = ?').get(table)
  if (!exists) return []
  return handle.prepare<[], number>(`select created_at from ${table}`).pluck().all()
}

const tableNames = Object.values(createTables('')).map(getTableName).join('|')
/** The name of a table, quoted by drizzle-kit, or of an index, which starts with its table's. */
const QUOTED_NAME = new RegExp(`\`((?:${tableNames})(?:_\\w+)?)\``, 'g')

function prefixed(statement: string, prefix: string): string {
  return statement.replace(QUOTED_NAME, `\`${prefix}$1\``)
}
