import type { Connection } from '../connection.ts'
import { getTableName } from '../drizzle-orm.ts'
import type { Repositories } from '../repositories/index.ts'
import { rowsOf } from '../transactions.ts'
import { guard, type Translate } from '../translate-errors.ts'
import type { TableName, TableRow } from './columns.ts'
import { createSnapshot, type Snapshot } from './snapshot.ts'

/** A table, as a copy sees it. */
export interface TableInfo {
  name: TableName
  /** Its name in the database. */
  sqlName: string
  /** Whether old rows are deleted from it. */
  isPruned: boolean
}

/** What is done with whole tables. */
export interface WholeTables {
  /** @returns all tables, in the order in which a copy must fill them */
  listTables(): TableInfo[]
  /** Inserts rows as they are, but for those that conflict with others. @returns how many it inserted */
  insertRows<Name extends TableName>(name: Name, rows: readonly TableRow<Name>[]): Promise<number>
  /** Lets an action read the whole database as it is now. */
  withSnapshot<T>(action: (snapshot: Snapshot) => Promise<T>): Promise<T>
}

export function createWholeTables(
  connection: Connection,
  repositories: Repositories,
  translate: Translate,
): WholeTables {
  const { tables, transact, bulkInsert } = connection
  const openSnapshot = guard(connection.openSnapshot, translate)
  return {
    listTables: () =>
      (Object.keys(repositories) as TableName[]).map((name) => ({
        name,
        sqlName: getTableName(tables[name]),
        isPruned: 'prune' in repositories[name],
      })),

    insertRows: guard(async <Name extends TableName>(name: Name, rows: readonly TableRow<Name>[]) => {
      const inserted = await transact((tx) => rowsOf(bulkInsert(tx, name, rows)))
      return inserted.length
    }, translate),

    // What the action itself throws is its own.
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
