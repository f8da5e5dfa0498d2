import type { Database as DriverHandle } from 'better-sqlite3'
import type { Pool } from 'pg'
import { createUserBatches, type UserBatches } from './bulk/user-batches.ts'
import { createWholeTables, type WholeTables } from './bulk/whole-tables.ts'
import type { Connection, PoolState } from './connection.ts'
import { DrizzleQueryError } from './drizzle-orm.ts'
import { DatabaseUnavailableError } from './errors.ts'
import { type HostDatabase, migrate } from './host-database.ts'
import type { PrincipalReader } from './principals.ts'
import { createRateLimiter, type RateLimiter, type RateLimiterSettings } from './rate-limits/limiter.ts'
import { memoryRateLimits } from './rate-limits/memory.ts'
import { createRepositories, type Repositories } from './repositories/index.ts'
import { SERVER_DEFAULTS, type ServerSettings } from './server-settings.ts'
import { openSqlite, wrapSqlite } from './sqlite/client.ts'
import { guard, guardAll, guardReader } from './translate-errors.ts'
import { databasePath, isPostgresUrl } from './url.ts'

export type { TableName, TableRow } from './bulk/columns.ts'
export type { Snapshot } from './bulk/snapshot.ts'
export type { NewUser, UserBatches, UserBatchResult, UserConflict } from './bulk/user-batches.ts'
export type { TableInfo } from './bulk/whole-tables.ts'
export type { PoolState } from './connection.ts'
export { DatabaseUnavailableError, NewerDatabaseError } from './errors.ts'
export type { HostDatabase } from './host-database.ts'
export type { PrincipalReader, PrincipalSlot } from './principals.ts'
export type { RateLimiter, RateLimiterSettings } from './rate-limits/limiter.ts'
export type { AuditFilter } from './repositories/audit-events.ts'
export type { Repositories } from './repositories/index.ts'
export type { UserFilter } from './repositories/users.ts'
export { SERVER_DEFAULTS, type ServerSettings } from './server-settings.ts'
export type * from './types.ts'
export { databasePath, isPostgresUrl, UnknownDatabaseError } from './url.ts'

/**
 * An opened database. A query that the database cannot answer at present throws what `openDatabase` was told to.
 */
export interface Database extends Repositories, WholeTables {
  principals: PrincipalReader
  /** Makes a limiter: with SQLite for this process, with PostgreSQL for all instances together. */
  createRateLimiter(settings: RateLimiterSettings): RateLimiter
  /** Deletes counts of limiters that have expired, at most `limit` of them, and says how many. */
  pruneRateLimits(limit: number): Promise<number>
  /** Makes many accounts at once. */
  openUserBatches(): UserBatches
  /** Resolves when the database answers. */
  ping(): Promise<void>
  /** Whether what a query has written survives a power cut. Only somebody else's settings may have it otherwise. */
  readonly isDurable: boolean
  /** The connections to the server; undefined where there is none. */
  pool?: (() => PoolState) | undefined
  close(): Promise<void>
}

/** How a database is opened. */
export interface OpenOptions extends Partial<ServerSettings> {
  /** Makes what a query throws when the database cannot answer at present. */
  toError?: (cause: unknown) => Error
  /** Whether a thread of its own writes to a SQLite file, so that nothing else waits for the disk. */
  writesApart?: boolean
}

/**
 * Opens a database and brings its tables up to date.
 *
 * @param source a path to a SQLite file, made where there is none; a `file:` URL; `:memory:`; a `postgres:` URL; or a host's database,
 *   which is then not closed
 * @throws UnknownDatabaseError, NewerDatabaseError, DatabaseUnavailableError
 */
export async function openDatabase(
  source: string | HostDatabase,
  options: OpenOptions = {},
): Promise<Database> {
  const { toError = (cause) => new DatabaseUnavailableError(cause), writesApart, ...settings } = options
  const connection = await connect(source, { ...SERVER_DEFAULTS, ...settings }, writesApart)
  const translate = (error: unknown): unknown => {
    // Drizzle's own message repeats the parameters of a query, a password's hash among them.
    const cause = error instanceof DrizzleQueryError ? error.cause : error
    return connection.isUnavailable(cause) ? toError(cause) : cause
  }
  const { db, tables, transact, bulkInsert } = connection
  const repositories = createRepositories(connection)
  return {
    ...guardAll(repositories, translate),
    ...createWholeTables(connection, repositories, translate),
    principals: guardReader(connection.principals, translate),
    ping: guard(connection.ping, translate),
    createRateLimiter: (settings) =>
      createRateLimiter(settings, connection.rateLimits.createStore(settings), translate),
    pruneRateLimits: guard(connection.rateLimits.prune, translate),
    openUserBatches() {
      connection.expectBulk?.()
      const batches = createUserBatches(db, tables, transact, bulkInsert)
      return guardAll({ batches: { ...batches } }, translate).batches
    },
    get isDurable() {
      return connection.isDurable
    },
    pool: connection.pool,
    close: connection.close,
  }
}

/** Makes a limiter that is of this process alone, whatever the database. */
export function createLocalRateLimiter(settings: RateLimiterSettings): RateLimiter {
  return createRateLimiter(settings, memoryRateLimits.createStore(settings), (error) => error)
}

async function connect(
  source: string | HostDatabase,
  settings: ServerSettings,
  apart = false,
): Promise<Connection> {
  if (typeof source === 'string') {
    const path = databasePath(source)
    return isPostgresUrl(source) ? connectServer(source, settings) : openSqlite(path ?? ':memory:', { apart })
  }
  if ('handle' in source) {
    const { handle, tablePrefix } = source
    if (source.migrate) migrate(handle, { tablePrefix })
    return wrapSqlite(handle as DriverHandle, tablePrefix)
  }
  const { pool, schema } = source
  if (source.migrate) await migrate(pool, { databaseSchema: schema })
  const { wrapPostgres } = await import('./postgres/client.ts')
  return wrapPostgres(pool as Pool, schema)
}

/** The driver is loaded only here: whoever has no server does not pay for it. */
async function connectServer(url: string, settings: ServerSettings): Promise<Connection> {
  const [{ connectPostgres }, { isPostgresUnavailable }] = await Promise.all([
    import('./postgres/client.ts'),
    import('./postgres/errors.ts'),
  ])
  try {
    return await connectPostgres(url, settings)
  } catch (error) {
    if (!isPostgresUnavailable(error)) throw error
    // Without the password that a URL may carry.
    const { host, pathname } = new URL(url)
    throw new DatabaseUnavailableError(error, `The database of DATABASE_URL, ${host}${pathname},`)
  }
}
