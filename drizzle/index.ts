import { fileURLToPath } from 'node:url'
import { DatabaseUnavailableError } from './errors.ts'
import { createRepositories, type Repositories } from './repositories.ts'
import { isSqliteUnavailable, openSqlite } from './sqlite/client.ts'
import * as sqliteSchema from './sqlite/schema.ts'

export { DatabaseUnavailableError, NewerDatabaseError } from './errors.ts'
export type { Repositories } from './repositories.ts'
export type * from './types.ts'

/**
 * An opened database. Each query throws `DatabaseUnavailableError` when the database cannot answer at present.
 */
export interface Database extends Repositories {
  /** Resolves when the database answers. */
  ping(): Promise<void>
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
      return fileURLToPath(url)
    } catch {
      throw new UnknownDatabaseError('a file: URL must be absolute, as in file:///var/lib/postern.db')
    }
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
 * @param url a path to a SQLite file, made where there is none; a `file:` URL; or `:memory:`
 * @throws UnknownDatabaseError, NewerDatabaseError
 */
export async function openDatabase(url: string): Promise<Database> {
  const db = openSqlite(databasePath(url) ?? ':memory:')
  const handle = db.$client
  const repositories = createRepositories(db, sqliteSchema)
  const isUnavailable = (error: unknown) => isSqliteUnavailable(handle, error)
  const ping = handle.prepare('select count(*) from sqlite_schema')
  return {
    ...guardAll(repositories, isUnavailable),
    ping: guard(async () => void ping.get(), isUnavailable),
    close: async () => void handle.close(),
  }
}

type Query = (...parameters: never[]) => Promise<unknown>

/** The same query, whose failure for the database's sake is told from every other. */
function guard<Q extends Query>(query: Q, isUnavailable: (error: unknown) => boolean): Q {
  const guarded = async (...parameters: Parameters<Q>) => {
    try {
      return await query(...parameters)
    } catch (error) {
      throw isUnavailable(error) ? new DatabaseUnavailableError(error) : error
    }
  }
  return guarded as Query as Q
}

function guardAll<R extends Record<string, Record<string, Query>>>(
  repositories: R,
  isUnavailable: (error: unknown) => boolean,
): R {
  const guarded = Object.entries(repositories).map(([name, repository]) => [
    name,
    Object.fromEntries(
      Object.entries(repository).map(([method, query]) => [method, guard(query, isUnavailable)]),
    ),
  ])
  return Object.fromEntries(guarded) as R
}
