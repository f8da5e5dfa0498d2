import type { Database as DriverHandle } from 'better-sqlite3'
import { migrateSqlite } from './sqlite/migrate.ts'

/** Stands before the names of Postern's tables in a host's database, unless it says otherwise. */
export const HOST_TABLE_PREFIX = 'postern_'

/** A host's handle, as better-sqlite3 opens it. */
export interface SqliteHandle {
  readonly name: string
  readonly open: boolean
  exec(source: string): unknown
  pragma(source: string): unknown
  prepare(source: string): unknown
}

/** A database of a host's, in which Postern's tables stand beside others. */
export interface HostDatabase {
  handle: SqliteHandle
  /** Stands before the name of each of Postern's tables. */
  tablePrefix: string
  /** Whether to bring the tables up to date; else the host has called `migrate`. */
  migrate: boolean
}

/**
 * Brings Postern's tables in your database up to date, where you do so apart from starting.
 *
 * @param handle opened by better-sqlite3
 * @throws NewerDatabaseError
 */
export function migrate(handle: SqliteHandle, options: { tablePrefix?: string } = {}): void {
  migrateSqlite(handle as DriverHandle, options.tablePrefix ?? HOST_TABLE_PREFIX)
}
