import SqliteDriver from 'better-sqlite3'
import type { SnapshotTransaction } from '../bulk/snapshot.ts'
import { drizzle, type SqliteDatabase } from '../drizzle-orm.ts'

/**
 * Reads on a connection of its own. The write-ahead log keeps what was there at the transaction's first read, and grows until it is over
 * (https://sqlite.org/isolation.html).
 */
export async function openSqliteSnapshot(db: SqliteDatabase): Promise<SnapshotTransaction> {
  // Nobody else can write there.
  if (db.$client.memory) return { db, close: async () => {} }
  const handle = new SqliteDriver(db.$client.name, { readonly: true, fileMustExist: true })
  try {
    handle.exec('begin')
    handle.prepare('select count(*) from sqlite_schema').get()
  } catch (error) {
    handle.close()
    throw error
  }
  return { db: drizzle(handle), close: async () => void handle.close() }
}
