import type { SQLiteColumn as Column } from 'drizzle-orm/sqlite-core'
import { getTableColumns } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'

/** What a table is called in the code. */
export type TableName = keyof Tables

/** A row of a table, complete. */
export type TableRow<Name extends TableName> = Tables[Name]['$inferSelect']

/** A column, and what it is called in the code. */
export interface NamedColumn<Name extends TableName> {
  property: keyof TableRow<Name> & string
  column: Column
}

/** The columns of a table, in their order. */
export function columnsOf<Name extends TableName>(tables: Tables, name: Name): NamedColumn<Name>[] {
  return Object.entries<Column>(getTableColumns(tables[name])).map(([property, column]) => ({
    property: property as keyof TableRow<Name> & string,
    column,
  }))
}

/** The one column that is a table's primary key. */
export function primaryKeyOf<Name extends TableName>(tables: Tables, name: Name): NamedColumn<Name> {
  const key = columnsOf(tables, name).find(({ column }) => column.primary)
  if (!key) throw new TypeError(`${name} has no primary key`)
  return key
}

/** The value of a column in a row, as the driver takes it. */
export function driverValueOf<Name extends TableName>(
  row: TableRow<Name>,
  { property, column }: NamedColumn<Name>,
): unknown {
  const value = row[property]
  return value === null ? null : column.mapToDriverValue(value)
}
