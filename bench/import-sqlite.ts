import SqliteDriver from 'better-sqlite3'
import type { BulkRow } from './import-rows.ts'

/** Inserts rows by prepared statements. @returns seconds */
export async function insertIntoSqlite(path: string, _schema: string, batches: BulkRow[][]): Promise<number> {
  const db = new SqliteDriver(path)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  const user = db.prepare('insert into users values (?, ?, ?, ?, ?, null, 0)')
  const event = db.prepare(
    'insert into audit_events (id, event, reason, user_id, actor, created_at) values (?, ?, ?, ?, ?, ?)',
  )
  const insert = db.transaction((rows: BulkRow[]) => {
    for (const row of rows) user.run(row.id, row.email, row.name, row.hashedPassword, row.createdAt.getTime())
    for (const row of rows) {
      event.run(row.eventId, 'user_created', 'imported', row.id, 'root', row.createdAt.getTime())
    }
  })
  const begun = performance.now()
  for (const rows of batches) insert.immediate(rows)
  const seconds = (performance.now() - begun) / 1000
  db.close()
  return seconds
}
