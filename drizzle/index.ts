import { fileURLToPath } from 'node:url'
import type { Database as DriverHandle } from 'better-sqlite3'
import { DatabaseUnavailableError } from './errors.ts'
import { type HostDatabase, migrate } from './host.ts'
import type { PrincipalReader } from './principals.ts'
import { createRepositories, type Repositories } from './repositories.ts'
import {
  isDurable,
  isSqliteUnavailable,
  openSqlite,
  type SqliteDatabase,
  wrapSqlite,
} from './sqlite/client.ts'
import { createPrincipalReader } from './sqlite/principals.ts'
import { createTables, type Tables } from './sqlite/schema.ts'

export { DatabaseUnavailableError, NewerDatabaseError } from './errors.ts'
export type { HostDatabase } from './host.ts'
export type { PrincipalReader, PrincipalSlot } from './principals.ts'
export type { Repositories } from './repositories.ts'
export type * from './types.ts'

/**
 * An opened database. A query that the database cannot answer at present throws what `openDatabase` was told to.
 */
export interface Database extends Repositories {
  principals: PrincipalReader
  /** Resolves when the database answers. */
  ping(): Promise<void>
  /** Whether what a query has written survives a power cut. Only a host's own handle may be set otherwise. */
  readonly isDurable: boolean
  close(): Promise<void>
}

/** A setting's value names no database that Postern can open. */
export class UnknownDatabaseError extends Error {
  override readonly name = 'UnknownDatabaseError'
}

/**
 * Where a database's file lies.
 *
 * @param url a path, a `file:` URL or `:memory:`
 * @returns the path, or null for a database in memory
 * @throws UnknownDatabaseError for any other URL
 */
export function databasePath(url: string): string | null {
  if (url === ':memory:') return null
  if (url.startsWith('file:')) {
    try {
      // A relative one would become a file of the root directory.
      if (url.startsWith('file:/')) return fileURLToPath(url)
    } catch {}
    throw new UnknownDatabaseError('a file: URL must be absolute, as in file:///var/lib/postern.db')
  }
  // Not the URL itself, which may carry a password. A single letter is a Windows drive.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]
  if (scheme !== undefined) {
    throw new UnknownDatabaseError(`this version of Postern opens SQLite files, not ${scheme}: URLs`)
  }
  return url
}

/**
 * Opens a database and brings its tables up to date.
 *
 * @param source a path to a SQLite file, made where there is none; a `file:` URL; `:memory:`; or a host's database, which is then
 *   not closed
 * @param toError makes what a query throws when the database cannot answer at present
 * @throws UnknownDatabaseError, NewerDatabaseError
 */
export async function openDatabase(
  source: string | HostDatabase,
  toError: ToError = (cause) => new DatabaseUnavailableError(cause),
): Promise<Database> {
  if (typeof source === 'string') {
    const db = openSqlite(databasePath(source) ?? ':memory:')
    return makeDatabase(db, createTables(''), toError, async () => void db.$client.close())
  }
  const { handle, tablePrefix, migrate: shouldMigrate } = source
  if (shouldMigrate) migrate(handle, { tablePrefix })
  return makeDatabase(wrapSqlite(handle as DriverHandle), createTables(tablePrefix), toError, async () => {})
}

type ToError = (cause: unknown) => Error

function makeDatabase(
  db: SqliteDatabase,
  tables: Tables,
  toError: ToError,
  close: () => Promise<void>,
): Database {
  const handle = db.$client
  const translate = (error: unknown) => (isSqliteUnavailable(handle, error) ? toError(error) : error)
  const ping = handle.prepare('select count(*) from sqlite_schema')
  return {
    ...guardAll(createRepositories(db, tables), translate),
    principals: guardReader(createPrincipalReader(db, tables), translate),
    ping: guard(async () => void ping.get(), translate),
    isDurable: isDurable(handle),
    close,
  }
}

/** The same reader, without a promise where it needs none: it is behind every check. */
function guardReader(reader: PrincipalReader, translate: (error: unknown) => unknown): PrincipalReader {
  return {
    load(slots) {
      try {
        return reader.load(slots)?.catch((error: unknown) => {
          throw translate(error)
        })
      } catch (error) {
        throw translate(error)
      }
    },
  }
}

type Query = (...parameters: never[]) => Promise<unknown>

/** The same query, whose failure for the database's sake is told from every other. */
function guard<Q extends Query>(query: Q, translate: (error: unknown) => unknown): Q {
  const guarded = async (...parameters: Parameters<Q>) => {
    try {
      return await query(...parameters)
    } catch (error) {
      throw translate(error)
    }
  }
  return guarded as Query as Q
}

function guardAll<R extends Record<string, Record<string, Query>>>(
  repositories: R,
  translate: (error: unknown) => unknown,
): R {
  const guarded = Object.entries(repositories).map(([name, repository]) => [
    name,
    Object.fromEntries(
      Object.entries(repository).map(([method, query]) => [method, guard(query, translate)]),
    ),
  ])
  return Object.fromEntries(guarded) as R
}
