import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import SqliteDriver, { type Database as SqliteHandle } from 'better-sqlite3'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type { Connection } from '../connection.ts'
import { drizzle } from '../orm.ts'
import { migrateSqlite } from './migrate.ts'
import { createSqlitePrincipalReader } from './principals.ts'
import { createTables } from './schema.ts'

/** A SQLite database under Drizzle. */
export type SqliteDatabase = BetterSQLite3Database & { $client: SqliteHandle }

/** How long a write waits, in milliseconds, for another process's. The event loop stands still meanwhile, so: not long. */
const BUSY_TIMEOUT = 1000

/**
 * Opens a SQLite database, made and migrated as need be.
 *
 * @param path of the file, or `:memory:`
 * @throws NewerDatabaseError
 */
export function openSqlite(path: string): Connection {
  if (path !== ':memory:') createPrivately(path)
  const handle = new SqliteDriver(path, { timeout: BUSY_TIMEOUT })
  try {
    migrateSqlite(handle, '')
    configure(handle)
  } catch (error) {
    handle.close()
    throw error
  }
  return makeConnection(handle, '', async () => void handle.close())
}

/**
 * Puts the queries on a host's handle, which stays the host's: how it is configured, and when it is closed.
 *
 * @param handle opened by better-sqlite3
 * @param prefix stands before the name of each table
 */
export function wrapSqlite(handle: SqliteHandle, prefix: string): Connection {
  return makeConnection(handle, prefix, async () => {})
}

function makeConnection(handle: SqliteHandle, prefix: string, close: () => Promise<void>): Connection {
  const db = drizzle(handle)
  const tables = createTables(prefix)
  const ping = handle.prepare('select count(*) from sqlite_schema')
  return {
    db,
    tables,
    principals: createSqlitePrincipalReader(db, tables),
    ping: async () => void ping.get(),
    isDurable: isDurable(handle),
    isUnavailable: (error) => isSqliteUnavailable(handle, error),
    close,
  }
}

/** Whether a commit on this connection is on the disk when it returns, also in WAL mode. */
function isDurable(handle: SqliteHandle): boolean {
  return handle.memory || Number(handle.pragma('synchronous', { simple: true })) >= 2
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

/** Codes (https://sqlite.org/rescode.html) of what may pass, and of what only an operator can mend, but never of a bug. */
const UNAVAILABLE = /^SQLITE_(BUSY|CANTOPEN|CORRUPT|FULL|IOERR|LOCKED|NOMEM|NOTADB|PERM|PROTOCOL|READONLY)/

/** Whether an error means that the database cannot answer, and not that the query is wrong. */
function isSqliteUnavailable(handle: SqliteHandle, error: unknown): boolean {
  if (!handle.open) return true
  // By its code alone: a host's handle may be of another copy of better-sqlite3.
  return error instanceof Error && UNAVAILABLE.test(String((error as { code?: unknown }).code))
}
