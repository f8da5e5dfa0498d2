import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { ClientBase } from 'pg'
import { columnsOf, driverValueOf, primaryKeyOf } from '../bulk/columns.ts'
import type { BulkInsert } from '../bulk/insert.ts'
import { sql } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import type { Statement } from '../transactions.ts'
import { copyRows } from './copy.ts'

/** Inserts rows by COPY, or if they may conflict, which COPY cannot handle, as one array for each column. */
export function createPostgresBulkInsert(tables: Tables): BulkInsert {
  return (db, name, rows, mayConflict = true) => {
    const postgres = db as unknown as NodePgDatabase & { $client: ClientBase }
    const columns = columnsOf(tables, name)
    const names = columns.map(({ column }) => sql.identifier(column.name))
    const into = sql`${tables[name]} (${sql.join(names, sql`, `)})`

    function* values(): Generator<unknown[]> {
      for (const row of rows) yield columns.map((column) => driverValueOf(row, column))
    }

    async function copy(): Promise<{ key: string }[]> {
      await copyRows(postgres.$client, into, values())
      return []
    }

    async function insert(): Promise<{ key: string }[]> {
      const arrays = columns.map((named) => {
        const values = rows.map((row) => driverValueOf(row, named))
        return sql`${sql.param(values)}::${sql.raw(named.column.getSQLType())}[]`
      })
      const key = sql.identifier(primaryKeyOf(tables, name).column.name)
      const { rows: inserted } = await postgres.execute<{ key: string }>(sql`
        insert into ${into} select * from unnest(${sql.join(arrays, sql`, `)})
        on conflict do nothing returning ${key} as key`)
      return inserted
    }

    const inserting = mayConflict ? insert() : copy()
    // It starts at once, and may be awaited only after another statement that fails.
    inserting.catch(() => {})
    // Awaited, where SQLite's driver would call `all`.
    return inserting as unknown as Statement<{ key: string }>
  }
}
