import SqliteDriver from 'better-sqlite3'
import type { SnapshotTransaction } from '../bulk/snapshot.ts'
import { drizzle, type SqliteDatabase } from '../drizzle-orm.ts'

/**
 * Opens a connection with a transaction. From its first read to its end it sees the same state, and the write-ahead log
 * grows (https://sqlite.org/isolation.html).
 */
export async function openSqliteSnapshot(db: SqliteDatabase): Promise<SnapshotTransaction> {
  // A database in memory has only this connection.
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
