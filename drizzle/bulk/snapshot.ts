import { asc, count, gt, inArray, type SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { type Translate, translateErrors } from '../translate-errors.ts'
import { primaryKeyOf, type TableName, type TableRow } from './columns.ts'

/** A read-only transaction that sees the database as it was when it was opened. */
export interface SnapshotTransaction {
  db: SqliteDatabase
  close(): Promise<void>
}

/** A database as it was at one moment, however long reading takes and whatever is written in that time. */
export interface Snapshot {
  count(name: TableName): Promise<number>
  /** Reads a table in batches of `limit` rows, in the order of its primary key. */
  read<Name extends TableName>(name: Name, limit: number): AsyncGenerator<TableRow<Name>[]>
  /** @returns those of the rows whose primary keys are in the table, even if other columns differ */
  known<Name extends TableName>(name: Name, rows: readonly TableRow<Name>[]): Promise<TableRow<Name>[]>
}

export function createSnapshot(db: SqliteDatabase, tables: Tables, translate: Translate): Snapshot {
  const readBatch = translateErrors(
    async <Name extends TableName>(name: Name, after: string, limit: number) => {
      const { column } = primaryKeyOf(tables, name)
      const rows = await db
        .select()
        .from(tables[name])
        .where(gt(column, after))
        .orderBy(asc(column))
        .limit(limit)
      return rows as TableRow<Name>[]
    },
    translate,
  )

  return {
    count: translateErrors(async (name: TableName) => {
      const [row] = await db.select({ rows: count() }).from(tables[name])
      return row?.rows ?? 0
    }, translate),

    async *read(name, limit) {
      const { property } = primaryKeyOf(tables, name)
      let after = ''
      for (;;) {
        const rows = await readBatch(name, after, limit)
        if (rows.length > 0) yield rows
        if (rows.length < limit) return
        after = String(rows.at(-1)?.[property])
      }
    },

    known: translateErrors(async <Name extends TableName>(name: Name, rows: readonly TableRow<Name>[]) => {
      const { property, column: key } = primaryKeyOf(tables, name)
      const keys = rows.map((row) => row[property])
      const found = await db.select({ key }).from(tables[name]).where(inArray(key, keys))
      const known = new Set<unknown>(found.map((row) => row.key))
      return rows.filter((row) => known.has(row[property]))
    }, translate),
  }
}
