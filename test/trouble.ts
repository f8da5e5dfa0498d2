import type { Beside } from './shared-database.ts'

/** Runs an action while the app's connections to the database fail, and repairs the database afterwards. */
export async function withoutDatabase<R>(db: Beside, action: () => Promise<R>): Promise<R> {
  const repair = await db.breakDown()
  try {
    return await action()
  } finally {
    await repair()
  }
}

/** Runs an action while a table has another name, so that a query on it is an internal error and not an outage. */
export async function withoutTable<R>(db: Beside, table: string, action: () => Promise<R>): Promise<R> {
  await db.run(`alter table ${table} rename to ${table}_away`)
  try {
    return await action()
  } finally {
    await db.run(`alter table ${table}_away rename to ${table}`)
  }
}
