import type { RegisterOptions } from 'fastify'
import { HOST_TABLE_PREFIX, type HostDatabase, type SqliteHandle } from '../drizzle/host.ts'
import type { Hooks } from '../plugins/hooks.ts'
import { InvalidOptionsError, type Options, OptionsSchema, parse } from './options.ts'
import { keptSecretKey, newSecretKey } from './secret-key.ts'

/** What a host hands over: any of the settings, the hooks that it takes part by, and what only a host has. */
export type PosternOptions = Partial<Options> &
  Hooks & {
    /** Stands before the path of every endpoint. */
    prefix?: string
    /**
     * A database of your own, opened by better-sqlite3, instead of `databaseUrl`. It stays yours: Postern neither configures nor
     * closes it. Postern's tables stand beside yours, each with `tablePrefix` before its name. `secretKey` must be set with it.
     * A handle of PostgreSQL is not taken yet.
     */
    database?: SqliteHandle
    /** Stands before the names of Postern's tables in your `database`; `postern_` by default. */
    tablePrefix?: string
    /** Whether Postern brings its tables in your `database` up to date; set it to false where you call `migrate` yourself. */
    migrate?: boolean
  }

/** A host's options, checked and complete. */
export interface ParsedHostOptions {
  options: Options
  secretKey: string
  source: string | HostDatabase
  hooks: Hooks
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
] as const satisfies (keyof Hooks)[]

/** A path, or nothing. */
const PREFIX = /^(\/.*[^/])?$/

/** A name that needs no quotes in SQL. */
const TABLE_PREFIX = /^[a-z_][a-z0-9_]*$/i

/**
 * Checks what a host has handed over.
 *
 * @throws InvalidOptionsError naming each option that is wrong
 */
export function parseHostOptions(given: PosternOptions & RegisterOptions): ParsedHostOptions {
  const { database, tablePrefix, migrate, prefix, logLevel, logSerializers, ...others } = given
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

  const options = collect(faults, () => parse(OptionsSchema, values))
  if (!options || faults.length > 0) throw new InvalidOptionsError(faults.join('\n'))
  return {
    options,
    secretKey: options.secretKey ?? (database ? newSecretKey() : keptSecretKey(options.databaseUrl)),
    source: database
      ? { handle: database, tablePrefix: tablePrefix ?? HOST_TABLE_PREFIX, migrate: migrate ?? true }
      : options.databaseUrl,
    hooks,
    registration: {
      ...(prefix !== undefined && { prefix }),
      ...(logLevel !== undefined && { logLevel }),
      ...(logSerializers !== undefined && { logSerializers }),
    },
  }
}

function findDatabaseFaults(given: PosternOptions): string[] {
  const { database, databaseUrl, secretKey, tablePrefix = HOST_TABLE_PREFIX, migrate = true } = given
  const faults: string[] = []
  const isHandle = typeof database?.prepare === 'function' && typeof database.pragma === 'function'
  if (!isHandle) faults.push('database must be a handle opened by better-sqlite3')
  if (databaseUrl !== undefined) faults.push('database and databaseUrl must not come together')
  if (isHandle && secretKey === undefined && database.name !== ':memory:') {
    faults.push('secretKey must be set, since database is: there is no place of Postern’s own to keep one')
  }
  if (!TABLE_PREFIX.test(tablePrefix)) {
    faults.push('tablePrefix must be letters, digits and underscores, not beginning with a digit')
  }
  if (typeof migrate !== 'boolean') faults.push('migrate must be true or false')
  return faults
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
