import { NewerDatabaseError } from '../errors.ts'

/**
 * Conditions (https://www.postgresql.org/docs/current/errcodes-appendix.html) that may pass, or that only an operator can mend, but
 * never a bug: by their class, or each by itself.
 */
const UNAVAILABLE =
  /^(?:08|28|40|53|58|57P|3D000$|25006$|25P03$|42501$|55P03$|57014$|26000$|42P05$|XX001$|XX002$)/

/** Errors that are not the server's, and that it would not help to wait for. */
const NEVER = [TypeError, RangeError, NewerDatabaseError]

/** A code of PostgreSQL: five characters (SQLSTATE). */
const SQLSTATE = /^[0-9A-Z]{5}$/

/** The server takes no writes: it is a standby, perhaps of a primary that has moved on, and its word may be of yesterday. */
export class ReadOnlyServerError extends Error {
  override readonly name = 'ReadOnlyServerError'

  constructor() {
    super('the database server is read-only')
  }
}

/** Whether an error means that the server cannot answer, and not that the query is wrong. */
export function isPostgresUnavailable(error: unknown): boolean {
  if (!(error instanceof Error) || NEVER.some((kind) => error instanceof kind)) return false
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && SQLSTATE.test(code) && 'severity' in error) return UNAVAILABLE.test(code)
  // No word of the server's: the connection was refused, cut or silent for too long.
  return true
}
