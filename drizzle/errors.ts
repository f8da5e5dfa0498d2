/** The database cannot answer at present: it is locked, full, read-only, gone or closed. Trying again later may succeed. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError'

  /** @param database what to call it */
  constructor(cause: unknown, database = 'The database') {
    super(`${database} is unavailable: ${reasonOf(cause)}`, { cause })
  }
}

/** Why, as the driver says it. A host name with several addresses fails once for each, in an error without words of its own. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join(', ')
  return cause instanceof Error ? cause.message : String(cause)
}

/** The database was written by a newer Postern than this one, which therefore leaves it untouched. */
export class NewerDatabaseError extends Error {
  override readonly name = 'NewerDatabaseError'
}
