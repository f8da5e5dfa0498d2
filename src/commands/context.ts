import { existsSync } from 'node:fs'
import { type Database, databasePath, isPostgresUrl, openDatabase } from '../../drizzle/index.ts'
import { type Config, loadConfig } from '../config.ts'
import { serverSettings } from '../options.ts'
import { keptSecretKey } from '../secret-key.ts'

/** What a command works on: the same settings and the same database as the service, which may be running. */
export interface Context {
  config: Config
  database: Database
  /** The deployment's secret, wherever it is kept. */
  secretKey: string
}

/**
 * Runs a command's action with the database open.
 *
 * @param create whether to make a database where there is none: hardly ever what somebody in the wrong directory wants
 */
export async function withContext(
  action: (context: Context) => Promise<void>,
  { create = false } = {},
): Promise<void> {
  const config = loadConfig()
  const path = databasePath(config.databaseUrl)
  if (!create && !isPostgresUrl(config.databaseUrl) && (path === null || !existsSync(path))) {
    throw new Error(
      `There is no database at ${config.databaseUrl}. Run this where the service runs, or set DATABASE_URL.`,
    )
  }
  const secretKey = config.secretKey ?? keptSecretKey(config.databaseUrl)
  const database = await openDatabase(config.databaseUrl, serverSettings(config))
  try {
    await action({ config, database, secretKey })
  } finally {
    await database.close()
  }
}

/** Prints records, as a table for a person or as JSON for a script. */
export function print(records: Record<string, string | null>[], { json }: { json?: true }): void {
  console.log(json ? JSON.stringify(records, null, 2) : table(records))
}

function table(records: Record<string, string | null>[]): string {
  const [first] = records
  if (!first) return 'none'
  const columns = Object.keys(first)
  const widths = columns.map((name) =>
    Math.max(name.length, ...records.map((record) => (record[name] ?? '').length)),
  )
  const line = (cells: string[]) =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  return [columns, ...records.map((record) => columns.map((name) => record[name] ?? ''))].map(line).join('\n')
}
