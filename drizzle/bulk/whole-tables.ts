import type { Connection } from '../connection.ts'
import { getTableName } from '../drizzle-orm.ts'
import type { Repositories } from '../repositories/index.ts'
import { rowsOf } from '../transactions.ts'
import { type Translate, translateErrors } from '../translate-errors.ts'
import type { TableName, TableRow } from './columns.ts'
import { createSnapshot, type Snapshot } from './snapshot.ts'

/** What `postern copy` needs to know of a table. */
export interface TableInfo {
  name: TableName
  /** The table's name in the database. */
  sqlName: string
  /** Whether its old rows are deleted. */
  isPruned: boolean
}

/** Operations on whole tables. */
export interface WholeTables {
  /** @returns all tables, in the order in which `postern copy` fills them */
  listTables(): TableInfo[]
  /** Inserts rows as they are, and skips those that conflict with existing ones. @returns how many it inserted */
  insertRows<Name extends TableName>(name: Name, rows: readonly TableRow<Name>[]): Promise<number>
  /** Runs an action on a snapshot of the database as it is now. Errors of the action are thrown as they are. */
  withSnapshot<T>(action: (snapshot: Snapshot) => Promise<T>): Promise<T>
}

export function createWholeTables(
  connection: Connection,
  repositories: Repositories,
  translate: Translate,
): WholeTables {
  const { tables, transact, bulkInsert } = connection
  const openSnapshot = translateErrors(connection.openSnapshot, translate)
  return {
    listTables: () =>
      (Object.keys(repositories) as TableName[]).map((name) => ({
        name,
        sqlName: getTableName(tables[name]),
        isPruned: 'prune' in repositories[name],
      })),

    insertRows: translateErrors(
      async <Name extends TableName>(name: Name, rows: readonly TableRow<Name>[]) => {
        const inserted = await transact((tx) => rowsOf(bulkInsert(tx, name, rows)))
        return inserted.length
      },
      translate,
    ),

    async withSnapshot(action) {
      const transaction = await openSnapshot()
      try {
        return await action(createSnapshot(transaction.db, tables, translate))
      } finally {
        await transaction.close()
      }
    },
  }
}
