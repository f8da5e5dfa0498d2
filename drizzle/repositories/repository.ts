import type { Clock } from '../clock.ts'
import type { SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import type { Transact } from '../transactions.ts'

/** A database that can only be read. */
export type ReadableDatabase = Pick<SqliteDatabase, 'select'>

/** Queries by name. */
export type Queries = Record<string, (...parameters: never[]) => Promise<unknown>>

/** The queries of one table. `reads` get a database that cannot write. `writes` can run on a writer thread. */
export interface Repository {
  reads: (db: ReadableDatabase, tables: Tables) => Queries
  writes: (db: SqliteDatabase, tables: Tables, transact: Transact, clock: Clock) => Queries
}
