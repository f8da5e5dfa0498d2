/**
 * Conditions (https://www.postgresql.org/docs/current/errcodes-appendix.html) that may pass, or that only an operator can mend, but
 * never a bug: by their class, or each by itself.
 */
const UNAVAILABLE = /^(?:08|28|40|53|58|57P|3D000$|25006$|25P03$|55P03$|57014$|26000$|42P05$|XX001$|XX002$)/

/** A code of PostgreSQL: five characters (SQLSTATE). */
const SQLSTATE = /^[0-9A-Z]{5}$/

/** Whether an error means that the server cannot answer, and not that the query is wrong. */
export function isPostgresUnavailable(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return false
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && SQLSTATE.test(code) && 'severity' in error) return UNAVAILABLE.test(code)
  // No word of the server's: the connection was refused, cut or silent for too long.
  return true
}
