import { existsSync } from 'node:fs'
import { DatabaseUnavailableError, databasePath, isPostgresUrl } from '../../../drizzle/index.ts'
import type { PostgresInspection, SqliteInspection } from '../../../drizzle/inspection.ts'
import { inspectSqlite } from '../../../drizzle/sqlite/inspect.ts'
import { databaseLocation } from '../../settings/database-location.ts'
import type { Config } from '../../settings/environment.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** What could be found out about a database. */
export interface Reached {
  findings: Finding[]
  sqlite?: SqliteInspection
  postgres?: PostgresInspection
}

/** Remedies, by error code of the operating system, PostgreSQL or SQLite. */
const REMEDIES: Record<string, string> = {
  ECONNREFUSED: 'Start the server, or correct the host and the port in DATABASE_URL.',
  ENOTFOUND: 'Correct the host in DATABASE_URL.',
  EAI_AGAIN: 'Correct the host in DATABASE_URL, or fix the name resolution.',
  '28P01': 'Correct the user and the password in DATABASE_URL.',
  '28000': 'Allow this user in pg_hba.conf.',
  '3D000': 'Create the database (create database …), or correct its name in DATABASE_URL.',
  '53300': 'Lower DATABASE_POOL_SIZE, raise max_connections, or use PgBouncer.',
  '57P03': 'The server is starting or stopping: wait, and check its log.',
  SQLITE_NOTADB: 'Correct DATABASE_URL: the file is not a database. If it was one, restore the last backup.',
  SQLITE_CANTOPEN: 'Let the service’s user read and write the file and its directory.',
  SQLITE_CORRUPT: 'Stop the service, keep the file, and restore the last backup.',
}

/** Inspects the database, and changes nothing. */
export async function reachDatabase(config: Config): Promise<Reached> {
  const { databaseUrl } = config
  const where = databaseLocation(databaseUrl)
  const path = databasePath(databaseUrl)
  try {
    if (isPostgresUrl(databaseUrl)) {
      // Loads the driver only if it is needed.
      const { inspectPostgres } = await import('../../../drizzle/postgres/inspect.ts')
      const postgres = await inspectPostgres(databaseUrl, config)
      return { postgres, findings: [ok(`${where} answers`)] }
    }
    if (path === null) {
      return { findings: [warn('in memory: all data is lost when the service stops', 'Set DATABASE_URL.')] }
    }
    if (!existsSync(path)) {
      return {
        findings: [
          warn(
            `${where} does not exist: the service creates it when it starts`,
            'If it should exist, run this where the service runs, or correct DATABASE_URL.',
          ),
        ],
      }
    }
    return { sqlite: await inspectSqlite(path), findings: [ok(`${where} is readable`)] }
  } catch (error) {
    const { message } = new DatabaseUnavailableError(error, where)
    const remedy = REMEDIES[codeOf(error)] ?? 'Correct DATABASE_URL, or check the log of the database server.'
    return { findings: [fail(message, remedy)] }
  }
}

/** A host name with several addresses fails with one error for each. */
function codeOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? error.errors : [error]
  return String((first as { code?: unknown } | undefined)?.code)
}
