import type { Database as DriverHandle } from 'better-sqlite3'
import type { Pool } from 'pg'
import { POSTGRES_SCHEMA } from './server-settings.ts'
import { migrateSqlite } from './sqlite/migrate.ts'

/** Stands before the names of Postern's tables in a host's SQLite database, unless it says otherwise. */
export const HOST_TABLE_PREFIX = 'postern_'

/** A host's handle of a SQLite database, as better-sqlite3 opens it. */
export interface SqliteHandle {
  readonly name: string
  readonly open: boolean
  exec(source: string): unknown
  pragma(source: string): unknown
  prepare(source: string): unknown
}

/** A host's connections to PostgreSQL: a `Pool` of `pg`. */
export interface PostgresPool {
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
  connect(): Promise<{ query(text: string): Promise<unknown>; release(error?: Error | boolean): void }>
  query(text: string): Promise<unknown>
}

/** A SQLite database of a host's, in which Postern's tables stand beside others. */
export interface SqliteHost {
  handle: SqliteHandle
  /** Stands before the name of each of Postern's tables. */
  tablePrefix: string
  /** Whether to bring the tables up to date; else the host has called `migrate`. */
  migrate: boolean
}

/** A PostgreSQL database of a host's. */
export interface PostgresHost {
  pool: PostgresPool
  /** The schema in which Postern's tables stand. */
  schema: string
  /** Whether to bring the tables up to date; else the host has called `migrate`. */
  migrate: boolean
}

/** A database of a host's. */
export type HostDatabase = SqliteHost | PostgresHost

/** Where a host's tables of Postern stand. */
export interface MigrateOptions {
  /** In SQLite: what stands before their names; `postern_` by default. */
  tablePrefix?: string
  /** In PostgreSQL: their schema; `postern` by default. */
  databaseSchema?: string
}

/**
 * Brings Postern's tables in your database up to date, where you do so apart from starting.
 *
 * @param database a handle opened by better-sqlite3, then it is done when this returns; or a `Pool` of `pg`
 * @throws NewerDatabaseError
 */
export function migrate(database: SqliteHandle, options?: MigrateOptions): void
export function migrate(database: PostgresPool, options?: MigrateOptions): Promise<void>
export function migrate(
  database: SqliteHandle | PostgresPool,
  options: MigrateOptions = {},
): void | Promise<void> {
  const { tablePrefix = HOST_TABLE_PREFIX, databaseSchema = POSTGRES_SCHEMA } = options
  if (isPostgresPool(database)) return migratePostgresHost(database, databaseSchema)
  return migrateSqlite(database as DriverHandle, tablePrefix)
}

/** Whether a host's database is PostgreSQL. */
export function isPostgresPool(database: unknown): database is PostgresPool {
  const { query, totalCount } = (database ?? {}) as Partial<PostgresPool>
  // A single connection has no count of them.
  return typeof query === 'function' && typeof totalCount === 'number'
}

async function migratePostgresHost(pool: PostgresPool, schema: string): Promise<void> {
  const { migrateHostPostgres } = await import('./postgres/client.ts')
  await migrateHostPostgres(pool as Pool, schema)
}
