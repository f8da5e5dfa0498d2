import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { type Database, databasePath, isPostgresUrl, openDatabase } from '../../drizzle/index.ts'
import { type AuditedWrite, createAuditEvent } from '../../plugins/audit/event.ts'
import { type Config, loadConfig } from '../settings/environment.ts'
import { keptSecretKey } from '../settings/secret-key.ts'

/** What a command works on: the settings and the database of the service, which may be running. */
export interface Context {
  config: Config
  database: Database
  /** The deployment's secret, from `SECRET_KEY` or from its file. */
  secretKey: string
  /** Records a change in the audit trail, with the operating system's user as the actor. */
  audit: AuditedWrite
}

/**
 * Opens the database for an action, and closes it afterwards.
 *
 * @param create whether to create a missing database; by default that is an error, since the directory may be wrong
 * @throws if there is no database, or it cannot be opened
 */
export async function withContext(
  action: (context: Context) => Promise<void>,
  { create = false } = {},
): Promise<void> {
  const config = loadConfig()
  if (!create && !isPostgresUrl(config.databaseUrl)) existingDatabase(config.databaseUrl)
  const secretKey = config.secretKey ?? keptSecretKey(config.databaseUrl)
  const database = await openDatabase(config.databaseUrl, config)
  try {
    await action({ config, database, secretKey, audit })
  } finally {
    await database.close()
  }
}

/**
 * The path of a SQLite database.
 *
 * @throws if there is no such file
 */
export function existingDatabase(databaseUrl: string): string {
  const path = databasePath(databaseUrl)
  if (path !== null && existsSync(path)) return path
  throw new Error(
    `There is no database at ${databaseUrl}. Run this where the service runs, or set DATABASE_URL.`,
  )
}

const audit: AuditedWrite = (name, details, write) =>
  write(createAuditEvent(name, { ...details, actor: userName() }))

/** A container may run under a uid that has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.()}`
  }
}
