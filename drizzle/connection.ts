import type { BulkInsert } from './bulk/insert.ts'
import type { SnapshotTransaction } from './bulk/snapshot.ts'
import type { Clock } from './clock.ts'
import type { SqliteDatabase } from './drizzle-orm.ts'
import type { PrincipalReader } from './principals.ts'
import type { RateLimitBackend } from './rate-limits/limiter.ts'
import type { Tables } from './sqlite/schema.ts'
import type { Writer } from './sqlite/writer.ts'
import type { Transact } from './transactions.ts'

/** The state of a connection pool. */
export interface PoolState {
  total: number
  idle: number
  /** Queries waiting for a connection. */
  waiting: number
}

/** An opened database, as the queries need it: what SQLite and PostgreSQL each do in their own way. */
export interface Connection {
  db: SqliteDatabase
  tables: Tables
  transact: Transact
  clock: Clock
  bulkInsert: BulkInsert
  /** Prepares the connection for inserting very many rows, where that makes a difference. */
  expectBulk?(): void
  openSnapshot(): Promise<SnapshotTransaction>
  principals: PrincipalReader
  rateLimits: RateLimitBackend
  ping(): Promise<void>
  /** Whether a committed write survives a power cut. */
  readonly isDurable: boolean
  /** Whether an error means that the database cannot answer, rather than that the query is wrong. */
  isUnavailable(error: unknown): boolean
  /** Runs the repositories' writes in its own way: on a thread, or after a host app's transaction. */
  writer?: Pick<Writer, 'move'>
  close(): Promise<void>
  /** Undefined if there is no pool. */
  pool?(): PoolState
}
