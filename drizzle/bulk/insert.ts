import type { SqliteDatabase } from '../drizzle-orm.ts'
import type { Statement } from '../transactions.ts'
import type { TableName, TableRow } from './columns.ts'

/**
 * Creates a statement that inserts any number of rows, several times as fast as the query builder. It skips a row that
 * conflicts with an existing one in any unique column, and never overwrites anything.
 *
 * @param db the database of a transaction
 * @param mayConflict true by default. False is faster, and makes a conflict an error
 * @returns the primary keys of the inserted rows; no rows if `mayConflict` is false
 */
export type BulkInsert = <Name extends TableName>(
  db: SqliteDatabase,
  name: Name,
  rows: readonly TableRow<Name>[],
  mayConflict?: boolean,
) => Statement<{ key: string }>
