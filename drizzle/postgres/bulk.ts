import type { SQLWrapper } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { BulkInsert } from '../bulk.ts'
import { sql } from '../orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { columnsOf, primaryKeyOf } from '../tables.ts'
import type { Statement } from '../transactions.ts'

/** Hands the rows over as one array for each column, or as one value where all of them have the same. */
export function createPostgresBulkInsert(tables: Tables): BulkInsert {
  return (db, name, rows, mayConflict = true) => {
    const columns = columnsOf(tables, name)
    const key = primaryKeyOf(tables, name)
    const names: SQLWrapper[] = []
    const arrays: SQLWrapper[] = []
    const cells = columns.map(({ property, column }) => {
      const type = sql.raw(column.getSQLType())
      const toDriver = (value: unknown) => (value === null ? null : column.mapToDriverValue(value))
      const [first] = rows
      if (first && property !== key.property && rows.every((row) => row[property] === first[property])) {
        return sql`${sql.param(toDriver(first[property]))}::${type}`
      }
      const cell = sql.identifier(column.name)
      names.push(cell)
      arrays.push(sql`${sql.param(rows.map((row) => toDriver(row[property])))}::${type}[]`)
      return cell
    })
    const query = sql`
      insert into ${tables[name]} (${list(columns.map(({ column }) => sql.identifier(column.name)))})
      select ${list(cells)} from unnest(${list(arrays)}) as given (${list(names)})
      ${mayConflict ? sql`on conflict do nothing returning ${sql.identifier(key.column.name)} as key` : sql``}`
    const inserted = async () => {
      const { rows } = await (db as unknown as NodePgDatabase).execute<{ key: string }>(query)
      return rows
    }
    // Awaited where SQLite's driver calls `all`.
    return inserted() as unknown as Statement<{ key: string }>
  }
}

function list(parts: SQLWrapper[]): SQLWrapper {
  return sql.join(parts, sql`, `)
}
