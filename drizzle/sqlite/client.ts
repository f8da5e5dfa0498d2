import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import SqliteDriver, { type Database as SqliteHandle } from 'better-sqlite3'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { pendingMigrations } from '../migrations.ts'
import { drizzle } from '../orm.ts'

/** A SQLite database under Drizzle. */
export type SqliteDatabase = BetterSQLite3Database & { $client: SqliteHandle }

/** How long a write waits, in milliseconds, for another process's. The event loop stands still meanwhile, so: not long. */
const BUSY_TIMEOUT = 1000

const MIGRATIONS_FOLDER = fileURLToPath(new URL('migrations', import.meta.url))

/**
 * Opens a SQLite database, made and migrated as need be.
 *
 * @param path of the file, or `:memory:`
 * @throws NewerDatabaseError
 */
export function openSqlite(path: string): SqliteDatabase {
  if (path !== ':memory:') createPrivately(path)
  const handle = new SqliteDriver(path, { timeout: BUSY_TIMEOUT })
  try {
    migrate(handle)
    configure(handle)
  } catch (error) {
    handle.close()
    throw error
  }
  return drizzle(handle)
}

/** The file holds password hashes: whoever makes it keeps it to himself, its write-ahead log included. */
function createPrivately(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
}

/** Settings that SQLite keeps per connection, not in the file. */
function configure(handle: SqliteHandle): void {
  handle.pragma('journal_mode = WAL')
  // better-sqlite3 is built with NORMAL for WAL, which loses acknowledged commits in a power cut.
  handle.pragma('synchronous = FULL')
  // On macOS an fsync alone does not reach the platters; elsewhere this changes nothing.
  handle.pragma('fullfsync = ON')
  handle.pragma('foreign_keys = ON')
}

/** Applies what is missing in one transaction that no other process can be in at the same time. */
function migrate(handle: SqliteHandle): void {
  const steps = () => pendingMigrations(MIGRATIONS_FOLDER, appliedMigrations(handle))
  if (steps().length === 0) return
  handle
    .transaction(() => {
      handle.exec(
        'create table if not exists postern_migrations (created_at integer primary key, hash text not null, applied_at integer not null)',
      )
      const record = handle.prepare('insert into postern_migrations values (?, ?, ?)')
      for (const { createdAt, hash, statements } of steps()) {
        for (const statement of statements) handle.exec(statement)
        record.run(createdAt, hash, Date.now())
      }
    })
    .immediate()
}

function appliedMigrations(handle: SqliteHandle): number[] {
  const made = handle.prepare("select 1 from sqlite_schema where name = 'postern_migrations'").get()
  if (!made) return []
  return handle.prepare<[], number>('select created_at from postern_migrations').pluck().all()
}

/** Codes (https://sqlite.org/rescode.html) of what may pass, and of what only an operator can mend, but never of a bug. */
const UNAVAILABLE = /^SQLITE_(BUSY|CANTOPEN|CORRUPT|FULL|IOERR|LOCKED|NOMEM|NOTADB|PERM|PROTOCOL|READONLY)/

/** Whether an error means that the database cannot answer, and not that the query is wrong. */
export function isSqliteUnavailable(handle: SqliteHandle, error: unknown): boolean {
  if (!handle.open) return true
  return error instanceof SqliteDriver.SqliteError && UNAVAILABLE.test(error.code)
}
