import SqliteDriver, { type Database as SqliteHandle } from 'better-sqlite3'
import type { Test } from 'tap'
import type { Beside, Row } from './shared-database.ts'

/** Opens the SQLite file that an app uses. */
export function openSqliteBeside(t: Test, path: string): Beside {
  const db = new SqliteDriver(path)
  t.teardown(() => db.close())
  const all = async (sql: string, ...values: unknown[]) => {
    const statement = db.prepare<unknown[], Row>(sql)
    const bound = values.map((value) => (value instanceof Date ? value.getTime() : value))
    if (statement.reader) return statement.all(...bound).map(withInstants)
    statement.run(...bound)
    return []
  }
  return {
    all,
    run: async (sql, ...values) => void (await all(sql, ...values)),
    value: async (sql, ...values) => Object.values((await all(sql, ...values))[0] ?? {})[0],
    async lock() {
      db.exec('begin immediate')
      return async () => void db.exec('rollback')
    },
    async breakDown() {
      const description = db.prepare("select sql from sqlite_schema where name = 'users'").pluck().get()
      damage(db, 'damaged')
      return async () => damage(db, description)
    },
  }
}

function withInstants(row: Row): Row {
  const entries = Object.entries(row).map(([name, value]) => [
    name,
    name.endsWith('_at') && typeof value === 'number' ? new Date(value) : value,
  ])
  return Object.fromEntries(entries)
}

/** Replaces the SQL that describes the users table. Other connections parse it with their next query. */
function damage(db: SqliteHandle, sql: unknown): void {
  db.unsafeMode(true)
  db.pragma('writable_schema = on')
  db.prepare("update sqlite_schema set sql = ? where name = 'users'").run(sql)
  db.pragma(`schema_version = ${Number(db.pragma('schema_version', { simple: true })) + 1}`)
  db.pragma('writable_schema = off')
  db.unsafeMode(false)
}
