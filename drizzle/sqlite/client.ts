import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import SqliteDriver, { type Database as SqliteHandle } from 'better-sqlite3'
import type { Connection } from '../connection.ts'
import { drizzle } from '../drizzle-orm.ts'
import { memoryRateLimits } from '../rate-limits/memory.ts'
import { createSqliteBulkInsert } from './bulk.ts'
import { migrateSqlite } from './migrate.ts'
import { createSqlitePrincipalReader } from './principals.ts'
import { createTables } from './schema.ts'
import { openSqliteSnapshot } from './snapshot.ts'
import { createSqliteTransact } from './transact.ts'
import { createWriter } from './writer.ts'

/** How long a write waits, in milliseconds, for another process's. Where no thread of its own writes, the event loop waits too. */
const BUSY_TIMEOUT = 1000

/**
 * Pages of the write-ahead log, 32 MB, after which a connection that writes a great many rows moves them to where they belong: each
 * thousand rows change most pages of the indexes again.
 */
const BULK_CHECKPOINT = 8000

/**
 * Opens a SQLite database, made and migrated as need be.
 *
 * @param path of the file, or `:memory:`
 * @param apart whether a thread of its own is to write
 * @throws NewerDatabaseError
 */
export function openSqlite(path: string, { apart = false } = {}): Connection {
  if (path !== ':memory:') createPrivately(path)
  const handle = openHandle(path, (opened) => migrateSqlite(opened, ''))
  const writer = apart && path !== ':memory:' ? createWriter(path) : undefined
  const close = async () => {
    await writer?.close()
    handle.close()
  }
  const expectBulk = () => void handle.pragma(`wal_autocheckpoint = ${BULK_CHECKPOINT}`)
  return { ...makeConnection(handle, '', close), expectBulk, ...(writer && { writer }) }
}

/**
 * Opens a file as every connection of ours to it must be opened.
 *
 * @param prepare brings it into shape first
 */
export function openHandle(path: string, prepare?: (handle: SqliteHandle) => void): SqliteHandle {
  const handle = new SqliteDriver(path, { timeout: BUSY_TIMEOUT })
  try {
    prepare?.(handle)
    configure(handle)
  } catch (error) {
    handle.close()
    throw error
  }
  return handle
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
    transact: createSqliteTransact(db),
    bulkInsert: createSqliteBulkInsert(tables),
    openSnapshot: () => openSqliteSnapshot(db),
    principals: createSqlitePrincipalReader(db, tables),
    // Every process of one machine counts for itself: a file that is written for each login would be dearer than what it saves.
    rateLimits: memoryRateLimits,
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
  writeAhead(handle)
  // better-sqlite3 is built with NORMAL for WAL, which loses acknowledged commits in a power cut.
  handle.pragma('synchronous = FULL')
  // On macOS an fsync alone does not reach the platters; elsewhere this changes nothing.
  handle.pragma('fullfsync = ON')
  handle.pragma('foreign_keys = ON')
}

/** The one pragma that SQLite does not wait with, where another process that starts at this moment holds the file. */
function writeAhead(handle: SqliteHandle): void {
  const end = performance.now() + BUSY_TIMEOUT
  for (;;) {
    try {
      handle.pragma('journal_mode = WAL')
      return
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'SQLITE_BUSY' || performance.now() > end) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

/** Codes (https://sqlite.org/rescode.html) of what may pass, and of what only an operator can mend, but never of a bug. */
const UNAVAILABLE = /^SQLITE_(BUSY|CANTOPEN|CORRUPT|FULL|IOERR|LOCKED|NOMEM|NOTADB|PERM|PROTOCOL|READONLY)/

/** Whether an error means that the database cannot answer, and not that the query is wrong. */
function isSqliteUnavailable(handle: SqliteHandle, error: unknown): boolean {
  if (!handle.open) return true
  // By its code alone: a host's handle may be of another copy of better-sqlite3.
  return error instanceof Error && UNAVAILABLE.test(String((error as { code?: unknown }).code))
}
