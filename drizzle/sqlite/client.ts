import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import SqliteDriver, { type Database as SqliteHandle } from 'better-sqlite3'
import type { Connection } from '../connection.ts'
import { drizzle } from '../drizzle-orm.ts'
import { memoryRateLimits } from '../rate-limits/memory.ts'
import { createSqliteBulkInsert } from './bulk.ts'
import { createSqliteClock } from './clock.ts'
import { migrateSqlite } from './migrate.ts'
import { createSqlitePrincipalReader } from './principals.ts'
import { createTables } from './schema.ts'
import { openSqliteSnapshot } from './snapshot.ts'
import { createSqliteTransact } from './transact.ts'
import { createWriter } from './writer.ts'

/** Milliseconds that a write waits for another process's. Without a writer thread, the event loop waits too. */
const BUSY_TIMEOUT = 1000

/**
 * Pages of the write-ahead log, 32 MB, after which a bulk insert makes a checkpoint. More often would cost more: each
 * thousand rows change most pages of the indexes again.
 */
const BULK_CHECKPOINT = 8000

/**
 * Opens a SQLite database, and creates and migrates it if necessary.
 *
 * @param path the file, or `:memory:`
 * @param options.writerThread whether a writer thread runs the writes; never for `:memory:`
 * @throws NewerDatabaseError
 */
export function openSqlite(path: string, { writerThread = false } = {}): Connection {
  if (path !== ':memory:') createPrivateFile(path)
  const handle = openHandle(path, (opened) => migrateSqlite(opened, ''))
  const writer = writerThread && path !== ':memory:' ? createWriter(path) : undefined
  const close = async () => {
    await writer?.close()
    handle.close()
  }
  const expectBulk = () => void handle.pragma(`wal_autocheckpoint = ${BULK_CHECKPOINT}`)
  return { ...createConnection(handle, '', close), expectBulk, ...(writer && { writer }) }
}

/**
 * Opens a connection to a file, with the settings that all of Postern's connections need.
 *
 * @param prepare runs before these are set
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
 * Runs the queries on an open handle.
 *
 * @param prefix the prefix of the tables
 */
export function createConnection(
  handle: SqliteHandle,
  prefix: string,
  close: () => Promise<void>,
): Connection {
  const db = drizzle(handle)
  const tables = createTables(prefix)
  const ping = handle.prepare('select count(*) from sqlite_schema')
  return {
    db,
    tables,
    transact: createSqliteTransact(db),
    clock: createSqliteClock(tables),
    bulkInsert: createSqliteBulkInsert(tables),
    openSnapshot: () => openSqliteSnapshot(db),
    principals: createSqlitePrincipalReader(db, tables),
    // Each process counts for itself: writing the file at each login would cost more than it saves.
    rateLimits: memoryRateLimits,
    ping: async () => void ping.get(),
    isDurable: isDurable(handle),
    isUnavailable: (error) => isSqliteUnavailable(handle, error),
    close,
  }
}

/** Whether a commit is on the disk when it returns, also in WAL mode. */
function isDurable(handle: SqliteHandle): boolean {
  return handle.memory || Number(handle.pragma('synchronous', { simple: true })) >= 2
}

/** The file holds password hashes: only its owner may read it. SQLite gives the write-ahead log the same mode. */
function createPrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
}

/** Sets what SQLite keeps per connection, not in the file. */
function configure(handle: SqliteHandle): void {
  setJournalMode(handle)
  setDurable(handle)
  handle.pragma('foreign_keys = ON')
}

/** Lets each commit of a connection wait until it is on the disk. */
export function setDurable(handle: SqliteHandle): void {
  // better-sqlite3 is built with NORMAL for WAL, which loses acknowledged commits in a power cut.
  handle.pragma('synchronous = FULL')
  // On macOS, fsync alone does not flush the drive's cache. Elsewhere this changes nothing.
  handle.pragma('fullfsync = ON')
}

/** Retries, since for this pragma SQLite does not wait until another process, which starts too, releases the file. */
function setJournalMode(handle: SqliteHandle): void {
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

/** Codes (https://sqlite.org/rescode.html) of errors that may pass or that an operator must fix, and never of bugs. */
const UNAVAILABLE = /^SQLITE_(BUSY|CANTOPEN|CORRUPT|FULL|IOERR|LOCKED|NOMEM|NOTADB|PERM|PROTOCOL|READONLY)/

/** Whether an error means that the database cannot answer, rather than that the query is wrong. */
function isSqliteUnavailable(handle: SqliteHandle, error: unknown): boolean {
  if (!handle.open) return true
  // Not by its class: a host app may have another copy of better-sqlite3.
  return error instanceof Error && UNAVAILABLE.test(String((error as { code?: unknown }).code))
}
