import { existsSync } from 'node:fs'
import { DatabaseUnavailableError, databasePath, isPostgresUrl } from '../../../drizzle/index.ts'
import type { PostgresInspection, SqliteInspection } from '../../../drizzle/inspection.ts'
import { inspectSqlite } from '../../../drizzle/sqlite/inspect.ts'
import { databaseLocation } from '../../settings/database-location.ts'
import type { Config } from '../../settings/environment.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** A database, as far as it could be reached. */
export interface Reached {
  findings: Finding[]
  sqlite?: SqliteInspection
  postgres?: PostgresInspection
}

/** What to do, by the code of the system, of PostgreSQL or of SQLite. */
const REMEDIES: Record<string, string> = {
  ECONNREFUSED: 'Start the server, or correct the host and the port in DATABASE_URL.',
  ENOTFOUND: 'Correct the host in DATABASE_URL.',
  EAI_AGAIN: 'Correct the host in DATABASE_URL, or see why names are not resolved.',
  '28P01': 'Correct the user and the password in DATABASE_URL.',
  '28000': 'Let this user in: see pg_hba.conf.',
  '3D000': 'Make the database (create database …), or correct its name in DATABASE_URL.',
  '53300': 'Lower DATABASE_POOL_SIZE, raise max_connections, or put PgBouncer between.',
  '57P03': 'The server is starting or stopping: wait, and see its log.',
  SQLITE_NOTADB:
    'Correct DATABASE_URL: that file is something else. If it was the database, restore the last backup.',
  SQLITE_CANTOPEN: 'Let the service’s user read and write the file and its directory.',
  SQLITE_CORRUPT: 'Stop the service, keep the file, and restore the last backup.',
}

/** Looks at the database, and changes nothing in it. */
export async function reachDatabase(config: Config): Promise<Reached> {
  const { databaseUrl } = config
  const where = databaseLocation(databaseUrl)
  const path = databasePath(databaseUrl)
  try {
    if (isPostgresUrl(databaseUrl)) {
      // The driver is loaded for nobody else.
      const { inspectPostgres } = await import('../../../drizzle/postgres/inspect.ts')
      const postgres = await inspectPostgres(databaseUrl, config)
      return { postgres, findings: [ok(`${where} answers`)] }
    }
    if (path === null) {
      return { findings: [warn('in memory: everything is gone when the service stops', 'Set DATABASE_URL.')] }
    }
    if (!existsSync(path)) {
      return {
        findings: [
          warn(
            `${where} is not there: the service makes it when it starts`,
            'If it should be there, run this where the service runs, or correct DATABASE_URL.',
          ),
        ],
      }
    }
    return { sqlite: await inspectSqlite(path), findings: [ok(`${where} can be read`)] }
  } catch (error) {
    const { message } = new DatabaseUnavailableError(error, where)
    const remedy = REMEDIES[codeOf(error)] ?? 'Correct DATABASE_URL, or see the log of the database server.'
    return { findings: [fail(message, remedy)] }
  }
}

/** A host name with several addresses fails once for each. */
function codeOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? error.errors : [error]
  return String((first as { code?: unknown } | undefined)?.code)
}
