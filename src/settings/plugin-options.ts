import type { RegisterOptions } from 'fastify'
import {
  HOST_TABLE_PREFIX,
  type HostDatabase,
  isPostgresPool,
  type PostgresPool,
  type SqliteHandle,
} from '../../drizzle/host-database.ts'
import { isPostgresUrl } from '../../drizzle/index.ts'
import type { Hooks } from '../../plugins/hooks/events.ts'
import { InvalidOptionsError, type Options, OptionsSchema, parse } from './options.ts'
import { keptSecretKey, newSecretKey } from './secret-key.ts'

/** What a host hands over: any of the settings, the hooks that it takes part by, and what only a host has. */
export type PosternOptions = Partial<Options> &
  Hooks & {
    /** Stands before the path of every endpoint. */
    prefix?: string
    /**
     * A database of your own instead of `databaseUrl`: opened by better-sqlite3, or a `Pool` of `pg`. It stays yours: Postern neither
     * configures nor closes it. Postern's tables stand beside yours: in SQLite each with `tablePrefix` before its name, in PostgreSQL
     * in the schema `databaseSchema`. `secretKey` must be set with it.
     */
    database?: SqliteHandle | PostgresPool
    /** Stands before the names of Postern's tables in your SQLite `database`; `postern_` by default. */
    tablePrefix?: string
    /** Whether Postern brings its tables in your `database` up to date; set it to false where you call `migrate` yourself. */
    migrate?: boolean
    /** Whether requests and queries are measured, for `app.postern.metrics()`. */
    metrics?: boolean
  }

/** A host's options, checked and complete. */
export interface ParsedHostOptions {
  options: Options
  secretKey: string
  source: string | HostDatabase
  hooks: Hooks
  /** Whether requests and queries are measured. */
  isMeasured: boolean
  /** What concerns Fastify. */
  registration: RegisterOptions
}

const HOOKS = [
  'beforeRegister',
  'onRegistered',
  'beforeLogin',
  'onLoggedIn',
  'onLoginFailed',
  'onLoggedOut',
  'onThrottled',
] as const satisfies (keyof Hooks)[]

/** A path, or nothing. */
const PREFIX = /^(\/.*[^/])?$/

/** How connections are made, which a host does itself for a pool of its own. */
const CONNECTION_OPTIONS = [
  'databasePoolSize',
  'databaseConnectTimeoutMs',
  'databaseStatementTimeoutMs',
  'databaseLockTimeoutMs',
] as const satisfies (keyof Options)[]

/** A name that needs no quotes in SQL. */
const TABLE_PREFIX = /^[a-z_][a-z0-9_]*$/i

/**
 * Checks what a host has handed over.
 *
 * @throws InvalidOptionsError naming each option that is wrong
 */
export function parseHostOptions(given: PosternOptions & RegisterOptions): ParsedHostOptions {
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
  const hooks: Hooks = {}
  const values: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(others)) {
    if (value === undefined) continue
    if (!(HOOKS as readonly string[]).includes(name)) values[name] = value
    else if (typeof value === 'function') Object.assign(hooks, { [name]: value })
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

  const options = collect(faults, () => parse(OptionsSchema, values))
  if (!options || faults.length > 0) throw new InvalidOptionsError(faults.join('\n'))
  return {
    options,
    secretKey: options.secretKey ?? (database ? newSecretKey() : keptSecretKey(options.databaseUrl)),
    source: database ? hostDatabase(given, options) : options.databaseUrl,
    hooks,
    isMeasured: metrics,
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
    faults.push('secretKey must be set, since database is: there is no place of Postern’s own to keep one')
  }
  if (isPool && tablePrefix !== undefined)
    faults.push('tablePrefix must come with SQLite; PostgreSQL has databaseSchema')
  if (isHandle && databaseSchema !== undefined)
    faults.push('databaseSchema must come with PostgreSQL; SQLite has tablePrefix')
  for (const name of CONNECTION_OPTIONS) {
    if (given[name] !== undefined) faults.push(`${name} must come with databaseUrl`)
  }
  if (tablePrefix !== undefined && !TABLE_PREFIX.test(tablePrefix)) {
    faults.push('tablePrefix must be letters, digits and underscores, not beginning with a digit')
  }
  if (typeof migrate !== 'boolean') faults.push('migrate must be true or false')
  return faults
}

function isSqliteHandle(database: unknown): database is SqliteHandle {
  const { prepare, pragma } = (database ?? {}) as Partial<SqliteHandle>
  return typeof prepare === 'function' && typeof pragma === 'function'
}

/** Adds the faults that an action throws to those found already. */
function collect<T>(faults: string[], action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof InvalidOptionsError)) throw error
    faults.push(error.message)
    return undefined
  }
}
