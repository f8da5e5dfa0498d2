import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { BulkInsert } from '../bulk.ts'
import { sql } from '../orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { columnsOf, primaryKeyOf } from '../tables.ts'
import type { Statement } from '../transactions.ts'

/** Hands the rows over as one array for each column. */
export function createPostgresBulkInsert(tables: Tables): BulkInsert {
  return (db, name, rows, mayConflict = true) => {
    const columns = columnsOf(tables, name)
    const key = primaryKeyOf(tables, name).column
    const arrays = columns.map(({ property, column }) => {
      const values = rows.map((row) => {
        const value = row[property]
        return value === null ? null : column.mapToDriverValue(value)
      })
      return sql`${sql.param(values)}::${sql.raw(column.getSQLType())}[]`
    })
    const query = sql`
      insert into ${tables[name]} (${sql.join(
        columns.map(({ column }) => sql.identifier(column.name)),
        sql`, `,
      )})
      select * from unnest(${sql.join(arrays, sql`, `)})
      ${mayConflict ? sql`on conflict do nothing returning ${sql.identifier(key.name)} as key` : sql``}`
    const inserted = async () => {
      const { rows } = await (db as unknown as NodePgDatabase).execute<{ key: string }>(query)
      return rows
    }
    // Awaited where SQLite's driver calls `all`.
    return inserted() as unknown as Statement<{ key: string }>
  }
}
