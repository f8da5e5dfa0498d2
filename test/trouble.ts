import type { Beside } from './shared-database.ts'

/** Runs something while the database cannot answer, and mends it afterwards. */
export async function withoutDatabase<R>(db: Beside, action: () => Promise<R>): Promise<R> {
  const mend = await db.breakDown()
  try {
    return await action()
  } finally {
    await mend()
  }
}

/** Runs something while a table goes by another name, so that a query on it is a fault of the service's own. */
export async function withoutTable<R>(db: Beside, table: string, action: () => Promise<R>): Promise<R> {
  await db.run(`alter table ${table} rename to ${table}_away`)
  try {
    return await action()
  } finally {
    await db.run(`alter table ${table}_away rename to ${table}`)
  }
}
