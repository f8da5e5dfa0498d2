import SqliteDriver, { type Database as SqliteHandle } from 'better-sqlite3'
import { drizzle } from '../drizzle-orm.ts'
import { inspectRows, type SqliteInspection } from '../inspection.ts'
import { sqliteSchemaState } from './migrate.ts'
import { createTables } from './schema.ts'

/** Milliseconds to wait for another process's write. */
const BUSY_TIMEOUT = 2000

/** The most findings of damage to report. */
const MAX_DAMAGE = 3

/**
 * Inspects a SQLite file, without changing it.
 *
 * @throws if it cannot be opened, or is no database
 */
export async function inspectSqlite(path: string): Promise<SqliteInspection> {
  const handle = new SqliteDriver(path, { fileMustExist: true, timeout: BUSY_TIMEOUT })
  try {
    const schema = sqliteSchemaState(handle)
    const damage = handle.prepare<[], string>(`pragma quick_check(${MAX_DAMAGE})`).pluck().all()
    return {
      schema,
      journalMode: String(handle.pragma('journal_mode', { simple: true })),
      damage: damage.filter((line) => line !== 'ok'),
      writeFault: writeFaultOf(handle),
      ...(schema === 'none' || schema === 'outdated'
        ? { signingKeys: undefined, emails: [], hashCosts: [], latest: undefined }
        : await inspectRows(drizzle(handle), createTables(''))),
    }
  } finally {
    handle.close()
  }
}

function writeFaultOf(handle: SqliteHandle): string | undefined {
  try {
    handle.exec('begin immediate; rollback')
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
