import { resolve } from 'node:path'
import { databasePath, isPostgresUrl } from '../../drizzle/index.ts'

/** Where a database is, for people to read: without the user and the password of its URL. */
export function databaseLocation(databaseUrl: string): string {
  if (isPostgresUrl(databaseUrl)) {
    const { host, pathname } = new URL(databaseUrl)
    return `PostgreSQL ${host}${pathname}`
  }
  const path = databasePath(databaseUrl)
  return path === null ? 'in memory, lost when it stops' : resolve(path)
}
