import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { type Database, databasePath, isPostgresUrl, openDatabase } from '../../drizzle/index.ts'
import { type AuditedWrite, createAuditEvent } from '../../plugins/audit/event.ts'
import { type Config, loadConfig } from '../settings/environment.ts'
import { keptSecretKey } from '../settings/secret-key.ts'
import { printable, toJson } from './terminal/text.ts'

/** What a command works on: the same settings and the same database as the service, which may be running. */
export interface Context {
  config: Config
  database: Database
  /** The deployment's secret, wherever it is kept. */
  secretKey: string
  /** Records what the command does, and who has run it. */
  audit: AuditedWrite
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
  const database = await openDatabase(config.databaseUrl, config)
  try {
    await action({ config, database, secretKey, audit })
  } finally {
    await database.close()
  }
}

const audit: AuditedWrite = (name, details, write) =>
  write(createAuditEvent(name, { ...details, actor: userName() }))

/** A container may run under a number that has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.()}`
  }
}

/** What a command has to say of one thing. */
export type Fields = Record<string, string | number | boolean | null>

/** Prints records, as a table for a person or as JSON for a script. */
export function print(records: Fields[], { json }: { json?: true }): void {
  console.log(json ? toJson(records, 2) : table(records))
}

function table(records: Fields[]): string {
  const [first] = records
  if (!first) return 'none'
  const columns = Object.keys(first)
  const rows = records.map((record) => columns.map((name) => printable(String(record[name] ?? ''))))
  const widths = columns.map((name, index) =>
    Math.max(name.length, ...rows.map((cells) => cells[index]?.length ?? 0)),
  )
  const line = (cells: string[]) =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  return [columns, ...rows].map(line).join('\n')
}
