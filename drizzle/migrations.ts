import { readMigrationFiles } from './drizzle-orm.ts'
import { NewerDatabaseError } from './errors.ts'

/** One migration. `createdAt`, in milliseconds, identifies it; `hash` is the digest of its file. */
export interface Migration {
  createdAt: number
  hash: string
  statements: string[]
}

/**
 * Lists the migrations that are not applied yet, in order.
 *
 * @param folder where drizzle-kit puts the SQL files
 * @param applied the `createdAt` of each migration that is applied
 * @throws NewerDatabaseError if one of them is not known to this version of Postern
 */
export function pendingMigrations(folder: string, applied: number[]): Migration[] {
  const known = readMigrationFiles({ migrationsFolder: folder })
  const knownTimes = new Set(known.map((migration) => migration.folderMillis))
  if (applied.some((createdAt) => !knownTimes.has(createdAt))) {
    throw new NewerDatabaseError(
      'The database was written by a newer version of Postern. It was left untouched: ' +
        'start that version, or restore a backup made before the upgrade.',
    )
  }
  return known
    .filter((migration) => !applied.includes(migration.folderMillis))
    .map(({ folderMillis, hash, sql }) => ({ createdAt: folderMillis, hash, statements: sql }))
}

/** The schema of a database: absent, of an older version, of this version, or of a newer one. */
export type SchemaState = 'none' | 'outdated' | 'current' | 'newer'

/**
 * Compares a database's schema with this version's.
 *
 * @param folder where drizzle-kit puts the SQL files
 * @param applied the `createdAt` of each migration that is applied
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
