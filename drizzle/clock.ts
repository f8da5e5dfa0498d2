import type { SQL } from 'drizzle-orm'

/**
 * The time of a database, for its statements. The clock of the process that runs them may be wrong: what it ends or
 * deletes is gone for all others too.
 */
export interface Clock {
  /** The present. */
  now(): SQL
  /** The instant so many milliseconds before the present, never later than by any clock that is about right. */
  ago(milliseconds: number): SQL
}
