import type { SqliteDatabase } from './drizzle-orm.ts'

/** A statement that has yet to run, and whose result is rows. */
export interface Statement<Row = unknown> {
  all(): Row[]
}

/** The statements of a transaction, one after the other, and what comes of them. */
export type Steps<T> = Generator<Statement, T, unknown[]>

/**
 * Runs statements in one transaction, durably by the time that it resolves. They are yielded, since SQLite's driver runs a transaction
 * at once and PostgreSQL's waits for every statement: so the same steps serve both.
 *
 * @param steps makes the statements from the database of the transaction, never from another
 */
export type Transact = <T>(steps: (db: SqliteDatabase) => Steps<T>) => Promise<T>

/** Yields a statement and takes its rows, by `yield*`. */
export function* rowsOf<Row>(statement: Statement<Row>): Generator<Statement, Row[], unknown[]> {
  return (yield statement) as Row[]
}
