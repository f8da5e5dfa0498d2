import { fileURLToPath } from 'node:url'

/** A URL is not of a database that Postern can open. */
export class UnknownDatabaseError extends Error {
  override readonly name = 'UnknownDatabaseError'
}

/** Whether a URL is of a database on a PostgreSQL server. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:/i.test(url)
}

/**
 * Finds a database's file.
 *
 * @param url a path, a `file:` URL, `:memory:` or a `postgres:` URL
 * @returns the path, or null for `:memory:` and PostgreSQL
 * @throws UnknownDatabaseError for any other URL
 */
export function databasePath(url: string): string | null {
  if (url === ':memory:') return null
  if (isPostgresUrl(url)) {
    if (/^postgres(ql)?:\/\//i.test(url) && URL.canParse(url)) return null
    // Not with the URL, which may carry a password.
    throw new UnknownDatabaseError(
      'a postgres: URL must be like postgres://user:password@host:5432/database, special characters percent-encoded',
    )
  }
  if (url.startsWith('file:')) {
    try {
      // A relative one would become a path from the root directory.
      if (url.startsWith('file:/')) return fileURLToPath(url)
    } catch {}
    throw new UnknownDatabaseError('a file: URL must be absolute, like file:///var/lib/postern.db')
  }
  // A single letter is a Windows drive.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]
  if (scheme !== undefined) {
    throw new UnknownDatabaseError(`Postern opens SQLite files and PostgreSQL servers, not ${scheme}: URLs`)
  }
  return url
}
