import type { Database as SqliteHandle } from 'better-sqlite3'

/**
 * Runs something while the database cannot be read, as after a fault of the disk, and mends it afterwards: its description of
 * the table `users` is not SQL meanwhile, which whoever has it open notices with the next query.
 *
 * @param db a connection of the test's own
 */
export async function withDamagedSchema<R>(db: SqliteHandle, action: () => Promise<R>): Promise<R> {
  const { sql } = db.prepare("select sql from sqlite_schema where name = 'users'").get() as { sql: string }
  rewrite(db, 'damaged')
  try {
    return await action()
  } finally {
    rewrite(db, sql)
  }
}

function rewrite(db: SqliteHandle, sql: string): void {
  db.unsafeMode(true)
  db.pragma('writable_schema = on')
  db.prepare("update sqlite_schema set sql = ? where name = 'users'").run(sql)
  db.pragma(`schema_version = ${Number(db.pragma('schema_version', { simple: true })) + 1}`)
  db.pragma('writable_schema = off')
  db.unsafeMode(false)
}

/** Runs something while a table goes by another name, so that a query on it is a fault of the service's own. */
export async function withoutTable<R>(db: SqliteHandle, table: string, action: () => Promise<R>): Promise<R> {
  db.exec(`alter table ${table} rename to ${table}_away`)
  try {
    return await action()
  } finally {
    db.exec(`alter table ${table}_away rename to ${table}`)
  }
}
