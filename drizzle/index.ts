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
import { openSqlite } from './sqlite/client.ts'
import { connectHost } from './sqlite/host.ts'
import { translateErrors, translateReaderErrors, translateRepositoryErrors } from './translate-errors.ts'
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
export { RETIRED_AT_ONCE } from './repositories/key-chain.ts'
export type { UserFilter } from './repositories/users.ts'
export { SERVER_DEFAULTS, type ServerSettings } from './server-settings.ts'
export type * from './types.ts'
export { databasePath, isPostgresUrl, UnknownDatabaseError } from './url.ts'

/** An opened database. While the database cannot answer, queries throw the error that `OpenOptions.toError` creates. */
export interface Database extends Repositories, WholeTables {
  principals: PrincipalReader
  /** Creates a rate limiter. On SQLite it counts for this process, on PostgreSQL for all instances together. */
  createRateLimiter(settings: RateLimiterSettings): RateLimiter
  /** Deletes at most `limit` expired counts of rate limiters. @returns how many it deleted */
  pruneRateLimits(limit: number): Promise<number>
  /** Starts creating many users at once. */
  openUserBatches(): UserBatches
  /** Resolves if the database answers. */
  ping(): Promise<void>
  /** Whether a committed write survives a power cut. It does, unless a host app or a pooler has set otherwise. */
  readonly isDurable: boolean
  /** The state of the connection pool. Undefined on SQLite. */
  pool?: (() => PoolState) | undefined
  close(): Promise<void>
}

/** How to open a database. */
export interface OpenOptions extends Partial<ServerSettings> {
  /** Creates the error that a query throws while the database cannot answer. `DatabaseUnavailableError` by default. */
  toError?: (cause: unknown) => Error
  /** Whether a writer thread writes to a SQLite file, so that the event loop never waits for the disk. */
  writerThread?: boolean
}

/**
 * Opens a database and brings its tables up to date.
 *
 * @param source a path to a SQLite file, which is created if necessary; a `file:` URL; `:memory:`; a `postgres:` URL;
 *   or a host app's database, which `close` leaves open
 * @throws UnknownDatabaseError, NewerDatabaseError, DatabaseUnavailableError
 */
export async function openDatabase(
  source: string | HostDatabase,
  options: OpenOptions = {},
): Promise<Database> {
  const { toError = (cause) => new DatabaseUnavailableError(cause), writerThread, ...settings } = options
  const connection = await connect(source, { ...SERVER_DEFAULTS, ...settings }, writerThread)
  const translate = (error: unknown): unknown => {
    // Drizzle's message repeats the parameters of the query, which may include a password hash.
    const cause = error instanceof DrizzleQueryError ? error.cause : error
    return connection.isUnavailable(cause) ? toError(cause) : cause
  }
  const repositories = createRepositories(connection)
  return {
    ...translateRepositoryErrors(repositories, translate),
    ...createWholeTables(connection, repositories, translate),
    principals: translateReaderErrors(connection.principals, translate),
    ping: translateErrors(connection.ping, translate),
    createRateLimiter: (settings) =>
      createRateLimiter(settings, connection.rateLimits.createStore(settings), translate),
    pruneRateLimits: translateErrors(connection.rateLimits.prune, translate),
    openUserBatches() {
      connection.expectBulk?.()
      const batches = createUserBatches(connection)
      return translateRepositoryErrors({ batches: { ...batches } }, translate).batches
    },
    get isDurable() {
      return connection.isDurable
    },
    pool: connection.pool,
    close: connection.close,
  }
}

/** Creates a rate limiter that counts for this process alone, whichever the database. */
export function createLocalRateLimiter(settings: RateLimiterSettings): RateLimiter {
  return createRateLimiter(settings, memoryRateLimits.createStore(settings), (error) => error)
}

async function connect(
  source: string | HostDatabase,
  settings: ServerSettings,
  writerThread = false,
): Promise<Connection> {
  if (typeof source === 'string') {
    const path = databasePath(source)
    return isPostgresUrl(source)
      ? connectServer(source, settings)
      : openSqlite(path ?? ':memory:', { writerThread })
  }
  if ('handle' in source) {
    const { handle, tablePrefix } = source
    return await connectHost(handle as DriverHandle, tablePrefix, source.migrate)
  }
  const { pool, schema } = source
  if (source.migrate) await migrate(pool, { databaseSchema: schema })
  const { wrapPostgres } = await import('./postgres/client.ts')
  return wrapPostgres(pool as Pool, schema)
}

/** Loads the driver only here: on SQLite, a start does without it. */
async function connectServer(url: string, settings: ServerSettings): Promise<Connection> {
  const [{ connectPostgres }, { isPostgresUnavailable }] = await Promise.all([
    import('./postgres/client.ts'),
    import('./postgres/errors.ts'),
  ])
  try {
    return await connectPostgres(url, settings)
  } catch (error) {
    if (!isPostgresUnavailable(error)) throw error
    // Not the whole URL, which may carry a password.
    const { host, pathname } = new URL(url)
    throw new DatabaseUnavailableError(error, `The database of DATABASE_URL, ${host}${pathname},`)
  }
}
