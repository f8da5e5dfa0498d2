import type { RegisterOptions } from 'fastify'
import {
  HOST_TABLE_PREFIX,
  type HostDatabase,
  isPostgresPool,
  type PostgresPool,
  type SqliteHandle,
} from '../../drizzle/host-database.ts'
import { isPostgresUrl } from '../../drizzle/index.ts'
import { type AccountHooks, accountHooks } from '../../plugins/accounts/hooks.ts'
import type { Options, Settings } from '../../plugins/postern.ts'
import { type ThrottlingHooks, throttlingHooks } from '../../plugins/throttling/hooks.ts'
import { type TokenHooks, tokenHooks } from '../../plugins/tokens/hooks.ts'
import { OptionsSchema, optionFormats } from './options.ts'
import { InvalidOptionsError, parse } from './parse.ts'
import { keptSecretKey, newSecretKey } from './secret-key.ts'

/**
 * The hooks of a host app. `before…` hooks are awaited, and veto by throwing: the error is the response, best with a
 * `statusCode`. `on…` hooks are told after the commit; they are not awaited, and what they throw is only logged.
 */
export interface Hooks extends AccountHooks, ThrottlingHooks, TokenHooks {}

const HOOKS: Record<keyof Hooks, true> = {
  ...accountHooks,
  ...throttlingHooks,
  ...tokenHooks,
}

/** What a host app registers Postern with: any of the options, its hooks, and what only a host app has. */
export type PosternOptions = Partial<Options> &
  Hooks & {
    /** The prefix of every endpoint's path. */
    prefix?: string
    /**
     * Your own database instead of `databaseUrl`: a handle opened by better-sqlite3, or a `Pool` of `pg`. Postern
     * neither configures nor closes it. Its tables are created beside yours: in SQLite with `tablePrefix` before each
     * name, in PostgreSQL in the schema `databaseSchema`. Requires `secretKey`.
     */
    database?: SqliteHandle | PostgresPool
    /** The prefix of the names of Postern's tables in your SQLite `database`; `postern_` by default. */
    tablePrefix?: string
    /** Whether Postern migrates its tables in your `database`; set it to false if you call `migrate` yourself. */
    migrate?: boolean
    /** Whether requests and queries are measured, for `app.postern.metrics()`. */
    metrics?: boolean
  }

/** The options of a host app, checked and complete. */
export interface ParsedOptions {
  settings: Settings
  /** What concerns Fastify. */
  registration: RegisterOptions
}

/** A path, or nothing. */
const PREFIX = /^(\/.*[^/])?$/

/** How connections are opened, which a host app decides itself for its own pool. */
const CONNECTION_OPTIONS = [
  'databasePoolSize',
  'databaseConnectTimeoutMs',
  'databaseStatementTimeoutMs',
  'databaseLockTimeoutMs',
] as const satisfies (keyof Options)[]

/** A name that needs no quotes in SQL. */
const TABLE_PREFIX = /^[a-z_][a-z0-9_]*$/i

/**
 * Checks the options of a host app.
 *
 * @throws InvalidOptionsError naming each option that is wrong
 */
export function parseOptions(given: PosternOptions & RegisterOptions): ParsedOptions {
  const {
    database,
    tablePrefix,
    migrate,
    metrics = false,
    prefix,
    logLevel,
    logSerializers,
    ...others
  } = given
  const faults: string[] = []
  const hooks: Record<string, unknown> = {}
  const values: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(others)) {
    if (value === undefined) continue
    if (!Object.hasOwn(HOOKS, name)) values[name] = value
    else if (typeof value === 'function') hooks[name] = value
    else faults.push(`${name} must be a function`)
  }
  if (prefix !== undefined && !PREFIX.test(prefix)) {
    faults.push('prefix must be a path that does not end in a slash, as in /auth')
  }
  if (database !== undefined) faults.push(...findDatabaseFaults(given))
  else if (tablePrefix !== undefined || migrate !== undefined) {
    faults.push('tablePrefix and migrate must come with database')
  }
  if (typeof metrics !== 'boolean') faults.push('metrics must be true or false')
  const { databaseUrl, secretKey } = given
  if (typeof databaseUrl === 'string' && isPostgresUrl(databaseUrl) && secretKey === undefined) {
    faults.push('SECRET_KEY (secretKey) must be set with PostgreSQL: every instance needs the same one')
  }

  const options = collect(faults, () => parse(OptionsSchema, values, optionFormats))
  if (!options || faults.length > 0) throw new InvalidOptionsError(faults.join('\n'))
  return {
    settings: {
      ...options,
      secretKey: options.secretKey ?? (database ? newSecretKey() : keptSecretKey(options.databaseUrl)),
      database: database ? hostDatabase(given, options) : options.databaseUrl,
      metrics,
      hooks,
    },
    registration: {
      ...(prefix !== undefined && { prefix }),
      ...(logLevel !== undefined && { logLevel }),
      ...(logSerializers !== undefined && { logSerializers }),
    },
  }
}

function hostDatabase(
  { database, tablePrefix, migrate = true }: PosternOptions,
  options: Options,
): HostDatabase {
  if (isPostgresPool(database)) return { pool: database, schema: options.databaseSchema, migrate }
  return { handle: database as SqliteHandle, tablePrefix: tablePrefix ?? HOST_TABLE_PREFIX, migrate }
}

function findDatabaseFaults(given: PosternOptions): string[] {
  const { database, databaseUrl, secretKey, tablePrefix, databaseSchema, migrate = true } = given
  const faults: string[] = []
  const isPool = isPostgresPool(database)
  const isHandle = isSqliteHandle(database)
  if (!isPool && !isHandle) {
    faults.push('database must be a handle opened by better-sqlite3, or a Pool of pg')
  }
  if (databaseUrl !== undefined) faults.push('database and databaseUrl must not come together')
  if (secretKey === undefined && (isPool || (isHandle && database.name !== ':memory:'))) {
    faults.push('secretKey must be set with database: Postern has no place of its own to store one')
  }
  if (isPool && tablePrefix !== undefined) {
    faults.push('tablePrefix must come with SQLite; PostgreSQL has databaseSchema')
  }
  if (isHandle && databaseSchema !== undefined) {
    faults.push('databaseSchema must come with PostgreSQL; SQLite has tablePrefix')
  }
  for (const name of CONNECTION_OPTIONS) {
    if (given[name] !== undefined) faults.push(`${name} must come with databaseUrl`)
  }
  const prefixFault = findTablePrefixFault(tablePrefix)
  if (prefixFault) faults.push(prefixFault)
  if (typeof migrate !== 'boolean') faults.push('migrate must be true or false')
  return faults
}

/** Why a prefix of table names is wrong, as a sentence. */
export function findTablePrefixFault(tablePrefix: string | undefined): string | undefined {
  return tablePrefix === undefined || TABLE_PREFIX.test(tablePrefix)
    ? undefined
    : 'tablePrefix must be letters, digits and underscores, not beginning with a digit'
}

function isSqliteHandle(database: unknown): database is SqliteHandle {
  const { prepare, pragma } = (database ?? {}) as Partial<SqliteHandle>
  return typeof prepare === 'function' && typeof pragma === 'function'
}

/** Adds the faults that an action throws to those found before. */
function collect<T>(faults: string[], action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error
    faults.push(error.message)
    return undefined
  }
}
