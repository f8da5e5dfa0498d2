import { columnsOf, driverValueOf, primaryKeyOf } from '../bulk/columns.ts'
import type { BulkInsert } from '../bulk/insert.ts'
import { getTableName } from '../drizzle-orm.ts'
import type { Tables } from './schema.ts'

/** Runs a prepared statement for each row: with SQLite there is no round trip to save. */
export function createSqliteBulkInsert(tables: Tables): BulkInsert {
  return (db, name, rows, mayConflict = true) => {
    const columns = columnsOf(tables, name)
    const key = primaryKeyOf(tables, name).property
    const names = columns.map(({ column }) => `"${column.name}"`).join(', ')
    const places = columns.map(() => '?').join(', ')
    const text = `insert into "${getTableName(tables[name])}" (${names}) values (${places})`
    return {
      all() {
        const insert = db.$client.prepare(mayConflict ? `${text} on conflict do nothing` : text)
        const inserted: { key: string }[] = []
        for (const row of rows) {
          const { changes } = insert.run(columns.map((column) => driverValueOf(row, column)))
          if (mayConflict && changes > 0) inserted.push({ key: String(row[key]) })
        }
        return inserted
      },
    }
  }
}
