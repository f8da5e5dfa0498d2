import type { SQLiteColumn as Column } from 'drizzle-orm/sqlite-core'
import { getTableColumns } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'

/** The name of a table in the code. */
export type TableName = keyof Tables

/** A complete row of a table. */
export type TableRow<Name extends TableName> = Tables[Name]['$inferSelect']

/** A column, and its name in the code. */
export interface NamedColumn<Name extends TableName> {
  property: keyof TableRow<Name> & string
  column: Column
}

/** The columns of a table, in the order of its schema. */
export function columnsOf<Name extends TableName>(tables: Tables, name: Name): NamedColumn<Name>[] {
  return Object.entries<Column>(getTableColumns(tables[name])).map(([property, column]) => ({
    property: property as keyof TableRow<Name> & string,
    column,
  }))
}

/** The column that is a table's primary key. */
export function primaryKeyOf<Name extends TableName>(tables: Tables, name: Name): NamedColumn<Name> {
  const key = columnsOf(tables, name).find(({ column }) => column.primary)
  if (!key) throw new TypeError(`${name} has no primary key`)
  return key
}

/** A row's value of a column, as the driver expects it. */
export function driverValueOf<Name extends TableName>(
  row: TableRow<Name>,
  { property, column }: NamedColumn<Name>,
): unknown {
  const value = row[property]
  return value === null ? null : column.mapToDriverValue(value)
}
