import type { Database as DriverHandle } from 'better-sqlite3'
import type { Pool } from 'pg'
import { POSTGRES_SCHEMA } from './server-settings.ts'
import { migrateSqlite } from './sqlite/migrate.ts'

/** The default prefix of Postern's tables in a host app's SQLite database. */
export const HOST_TABLE_PREFIX = 'postern_'

/** A host app's handle of a SQLite database, opened by better-sqlite3. */
export interface SqliteHandle {
  readonly name: string
  readonly open: boolean
  exec(source: string): unknown
  pragma(source: string): unknown
  prepare(source: string): unknown
}

/** A host app's connections to PostgreSQL: a `Pool` of `pg`. */
export interface PostgresPool {
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
  connect(): Promise<{ query(text: string): Promise<unknown>; release(error?: Error | boolean): void }>
  query(text: string): Promise<unknown>
}

/** A host app's SQLite database, which holds Postern's tables beside its own. */
export interface SqliteHost {
  handle: SqliteHandle
  /** The prefix of Postern's tables. */
  tablePrefix: string
  /** Whether to bring the tables up to date. If false, the host app has called `migrate`. */
  migrate: boolean
}

/** A host app's PostgreSQL database. */
export interface PostgresHost {
  pool: PostgresPool
  /** The schema of Postern's tables. */
  schema: string
  /** Whether to bring the tables up to date. If false, the host app has called `migrate`. */
  migrate: boolean
}

/** A host app's database. */
export type HostDatabase = SqliteHost | PostgresHost

/** Where Postern's tables are in a host app's database. */
export interface MigrateOptions {
  /** In SQLite: the prefix of the tables. `postern_` by default. */
  tablePrefix?: string
  /** In PostgreSQL: the schema of the tables. `postern` by default. */
  databaseSchema?: string
}

/**
 * Brings Postern's tables in your database up to date, for apps that migrate before they start.
 *
 * @param database a handle opened by better-sqlite3, which is migrated when this returns; or a `Pool` of `pg`, which is
 *   migrated when the promise resolves
 * @throws NewerDatabaseError if a newer version of Postern has migrated the database
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

/** Whether a host app's database is a `Pool` of `pg`. */
export function isPostgresPool(database: unknown): database is PostgresPool {
  const { query, totalCount } = (database ?? {}) as Partial<PostgresPool>
  // A single connection has `query` too, but no count of connections.
  return typeof query === 'function' && typeof totalCount === 'number'
}

async function migratePostgresHost(pool: PostgresPool, schema: string): Promise<void> {
  const { migrateHostPostgres } = await import('./postgres/client.ts')
  await migrateHostPostgres(pool as Pool, schema)
}
