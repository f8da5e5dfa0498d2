import type { SqliteDatabase } from './drizzle-orm.ts'

/** A statement that returns rows, before it runs. */
export interface Statement<Row = unknown> {
  all(): Row[]
}

/** The statements of a transaction, one after the other, and its result. */
export type Steps<T> = Generator<Statement, T, unknown[]>

/**
 * Runs statements in one transaction, which is durable when the promise resolves. The steps yield their statements, so
 * that they work with both drivers: SQLite's is synchronous, PostgreSQL's is not.
 *
 * @param steps builds the statements from the transaction's database, never from another
 */
export type Transact = <T>(steps: (db: SqliteDatabase) => Steps<T>) => Promise<T>

/** Runs a statement as a step of a transaction: `const rows = yield* rowsOf(statement)`. */
export function* rowsOf<Row>(statement: Statement<Row>): Generator<Statement, Row[], unknown[]> {
  return (yield statement) as Row[]
}
