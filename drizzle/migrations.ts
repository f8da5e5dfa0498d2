import { readMigrationFiles } from './drizzle-orm.ts'
import { NewerDatabaseError } from './errors.ts'

/** One step of the schema: when it was generated (its identity, in milliseconds), its digest, and its statements. */
export interface Migration {
  createdAt: number
  hash: string
  statements: string[]
}

/**
 * What has yet to be applied, in order.
 *
 * @param folder where drizzle-kit put the SQL files
 * @param applied the `createdAt` of each step that the database already has
 * @throws NewerDatabaseError where the database has a step that this Postern does not know
 */
export function pendingMigrations(folder: string, applied: number[]): Migration[] {
  const known = readMigrationFiles({ migrationsFolder: folder })
  const knownTimes = new Set(known.map((migration) => migration.folderMillis))
  if (applied.some((createdAt) => !knownTimes.has(createdAt))) {
    throw new NewerDatabaseError(
      'The database was written by a newer version of Postern. It was left untouched: start that version, or restore a backup made before the upgrade.',
    )
  }
  return known
    .filter((migration) => !applied.includes(migration.folderMillis))
    .map(({ folderMillis, hash, sql }) => ({ createdAt: folderMillis, hash, statements: sql }))
}

/** How a database's tables stand to this version: there are none, some are missing, all are there, or those of a later version. */
export type SchemaState = 'none' | 'outdated' | 'current' | 'newer'

/**
 * @param folder where drizzle-kit put the SQL files
 * @param applied the `createdAt` of each step that the database already has
 */
export function schemaState(folder: string, applied: number[]): SchemaState {
  if (applied.length === 0) return 'none'
  try {
    return pendingMigrations(folder, applied).length > 0 ? 'outdated' : 'current'
  } catch (error) {
    if (error instanceof NewerDatabaseError) return 'newer'
    throw error
  }
}
