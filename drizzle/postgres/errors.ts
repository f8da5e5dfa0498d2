import { NewerDatabaseError } from '../errors.ts'

/**
 * Codes (https://www.postgresql.org/docs/current/errcodes-appendix.html), or classes of them, of errors that may pass
 * or that an operator must fix, and never of bugs.
 */
const UNAVAILABLE =
  /^(?:08|28|40|53|58|57P|3D000$|25006$|25P03$|42501$|55P03$|57014$|26000$|42P05$|XX001$|XX002$)/

/** Errors that are not the server's, and that no waiting resolves. */
const NEVER = [TypeError, RangeError, NewerDatabaseError]

const SQLSTATE = /^[0-9A-Z]{5}$/

/** The server is read-only, probably a standby, so what it says may be out of date. */
export class ReadOnlyServerError extends Error {
  override readonly name = 'ReadOnlyServerError'

  constructor() {
    super('the database server is read-only')
  }
}

/** Whether an error means that the server cannot answer, rather than that the query is wrong. */
export function isPostgresUnavailable(error: unknown): boolean {
  if (!(error instanceof Error) || NEVER.some((kind) => error instanceof kind)) return false
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && SQLSTATE.test(code) && 'severity' in error) return UNAVAILABLE.test(code)
  // Not the server's error: the connection was refused, lost or timed out.
  return true
}
