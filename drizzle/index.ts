import type { Database as DriverHandle } from 'better-sqlite3'
import type { Pool } from 'pg'
import type { Connection, PoolState } from './connection.ts'
import { DatabaseUnavailableError } from './errors.ts'
import { guard, guardAll, guardReader } from './guard.ts'
import { type HostDatabase, migrate, POSTGRES_SCHEMA } from './host.ts'
import { DrizzleQueryError } from './orm.ts'
import type { ServerSettings } from './postgres/client.ts'
import type { PrincipalReader } from './principals.ts'
import { createRepositories, type Repositories } from './repositories.ts'
import { openSqlite, wrapSqlite } from './sqlite/client.ts'
import { databasePath, isPostgresUrl } from './url.ts'

export type { PoolState } from './connection.ts'
export { DatabaseUnavailableError, NewerDatabaseError } from './errors.ts'
export type { HostDatabase } from './host.ts'
export type { ServerSettings } from './postgres/client.ts'
export type { PrincipalReader, PrincipalSlot } from './principals.ts'
export type { Repositories } from './repositories.ts'
export type * from './types.ts'
export { databasePath, isPostgresUrl, UnknownDatabaseError } from './url.ts'

/**
 * An opened database. A query that the database cannot answer at present throws what `openDatabase` was told to.
 */
export interface Database extends Repositories {
  principals: PrincipalReader
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
}

/** How a server is talked to, unless the settings say otherwise. */
export const SERVER_DEFAULTS: ServerSettings = {
  schema: POSTGRES_SCHEMA,
  poolSize: 10,
  connectTimeout: 2000,
  statementTimeout: 3000,
  lockTimeout: 1000,
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
  const { toError = (cause) => new DatabaseUnavailableError(cause), ...settings } = options
  const connection = await connect(source, { ...SERVER_DEFAULTS, ...settings })
  const translate = (error: unknown): unknown => {
    // Drizzle's own message repeats the parameters of a query, a password's hash among them.
    const cause = error instanceof DrizzleQueryError ? error.cause : error
    return connection.isUnavailable(cause) ? toError(cause) : cause
  }
  return {
    ...guardAll(createRepositories(connection.db, connection.tables), translate),
    principals: guardReader(connection.principals, translate),
    ping: guard(connection.ping, translate),
    get isDurable() {
      return connection.isDurable
    },
    pool: connection.pool,
    close: connection.close,
  }
}

async function connect(source: string | HostDatabase, settings: ServerSettings): Promise<Connection> {
  if (typeof source === 'string') {
    const path = databasePath(source)
    return isPostgresUrl(source) ? connectServer(source, settings) : openSqlite(path ?? ':memory:')
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
    throw isPostgresUnavailable(error) ? new DatabaseUnavailableError(error) : error
  }
}
