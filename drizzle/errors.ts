/** The database cannot answer now: it is locked, full, read-only, unreachable or closed. Trying again may succeed. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError'

  /** @param database how the message names the database */
  constructor(cause: unknown, database = 'The database') {
    super(`${database} is unavailable: ${reasonOf(cause)}`, { cause })
  }
}

/** The driver's message. A host name with several addresses fails once for each, in an error without a message. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join(', ')
  return cause instanceof Error ? cause.message : String(cause)
}

/** The database was written by a newer version of Postern. It was left unchanged. */
export class NewerDatabaseError extends Error {
  override readonly name = 'NewerDatabaseError'
}
