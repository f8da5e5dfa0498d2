import type { BulkInsert } from './bulk/insert.ts'
import type { SnapshotTransaction } from './bulk/snapshot.ts'
import type { SqliteDatabase } from './drizzle-orm.ts'
import type { PrincipalReader } from './principals.ts'
import type { RateLimitBackend } from './rate-limits/limiter.ts'
import type { Tables } from './sqlite/schema.ts'
import type { Writer } from './sqlite/writer.ts'
import type { Transact } from './transactions.ts'

/** The connections to a server, at a moment. */
export interface PoolState {
  total: number
  idle: number
  /** Queries that wait for a connection. */
  waiting: number
}

/** What each kind of database does in its own way, below the queries that are the same for all. */
export interface Connection {
  db: SqliteDatabase
  tables: Tables
  transact: Transact
  bulkInsert: BulkInsert
  /** Sets the connection up for a great many rows, where that makes a difference. */
  expectBulk?(): void
  openSnapshot(): Promise<SnapshotTransaction>
  principals: PrincipalReader
  rateLimits: RateLimitBackend
  ping(): Promise<void>
  /** Whether what a query has written survives a power cut. */
  readonly isDurable: boolean
  /** Whether an error means that the database cannot answer, and not that the query is wrong. */
  isUnavailable(error: unknown): boolean
  /** Undefined where writes are made where they are asked for. */
  writer?: Writer
  close(): Promise<void>
  /** Undefined where there is no pool. */
  pool?(): PoolState
}
