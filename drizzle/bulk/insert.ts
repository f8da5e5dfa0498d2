import type { SqliteDatabase } from '../drizzle-orm.ts'
import type { Statement } from '../transactions.ts'
import type { TableName, TableRow } from './columns.ts'

/**
 * Makes a statement that inserts any number of rows, several times as fast as the query builder does. A row that conflicts with one
 * that is there already, by any of its unique columns, is left out; nothing is ever overwritten.
 *
 * @param db of a transaction
 * @param mayConflict whether a row may do so; where it is said that none does, it is faster still, and one that does all the same is
 *   an error
 * @returns the primary keys of the rows that were inserted, or nothing where that is known
 */
export type BulkInsert = <Name extends TableName>(
  db: SqliteDatabase,
  name: Name,
  rows: readonly TableRow<Name>[],
  mayConflict?: boolean,
) => Statement<{ key: string }>
