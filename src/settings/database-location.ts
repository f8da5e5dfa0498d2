import { resolve } from 'node:path'
import { databasePath, isPostgresUrl } from '../../drizzle/index.ts'

/** Where a database is, for a person: without the user and the password that a URL may carry. */
export function databaseLocation(databaseUrl: string): string {
  if (isPostgresUrl(databaseUrl)) {
    const { host, pathname } = new URL(databaseUrl)
    return `PostgreSQL ${host}${pathname}`
  }
  const path = databasePath(databaseUrl)
  return path === null ? 'in memory, gone when it stops' : resolve(path)
}
