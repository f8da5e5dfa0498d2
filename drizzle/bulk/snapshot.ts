import { asc, count, gt, inArray, type SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { guard, type Translate } from '../translate-errors.ts'
import { primaryKeyOf, type TableName, type TableRow } from './columns.ts'

/** A transaction that sees the database as it was at one moment, and changes nothing. */
export interface SnapshotTransaction {
  db: SqliteDatabase
  close(): Promise<void>
}

/** A database as it was at one moment, however long it takes to read it and whoever writes meanwhile. */
export interface Snapshot {
  count(name: TableName): Promise<number>
  /** Reads a table in steps of `limit` rows, in the order of its primary key. */
  read<Name extends TableName>(name: Name, limit: number): AsyncGenerator<TableRow<Name>[]>
  /** @returns those of the rows whose primary keys the table has, whatever else it has of them */
  known<Name extends TableName>(name: Name, rows: readonly TableRow<Name>[]): Promise<TableRow<Name>[]>
}

export function createSnapshot(db: SqliteDatabase, tables: Tables, translate: Translate): Snapshot {
  const step = guard(async <Name extends TableName>(name: Name, after: string, limit: number) => {
    const { column } = primaryKeyOf(tables, name)
    const rows = await db
      .select()
      .from(tables[name])
      .where(gt(column, after))
      .orderBy(asc(column))
      .limit(limit)
    return rows as TableRow<Name>[]
  }, translate)

  return {
    count: guard(async (name: TableName) => {
      const [row] = await db.select({ rows: count() }).from(tables[name])
      return row?.rows ?? 0
    }, translate),

    async *read(name, limit) {
      const { property } = primaryKeyOf(tables, name)
      let after = ''
      for (;;) {
        const rows = await step(name, after, limit)
        if (rows.length > 0) yield rows
        if (rows.length < limit) return
        after = String(rows.at(-1)?.[property])
      }
    },

    known: guard(async <Name extends TableName>(name: Name, rows: readonly TableRow<Name>[]) => {
      const { property, column: key } = primaryKeyOf(tables, name)
      const keys = rows.map((row) => row[property])
      const found = await db.select({ key }).from(tables[name]).where(inArray(key, keys))
      const known = new Set<unknown>(found.map((row) => row.key))
      return rows.filter((row) => known.has(row[property]))
    }, translate),
  }
}
