/** The database cannot answer at present: it is locked, full, read-only, gone or closed. Trying again later may succeed. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError'

  constructor(cause: unknown) {
    super('The database is unavailable', { cause })
  }
}

/** The database was written by a newer Postern than this one, which therefore leaves it untouched. */
export class NewerDatabaseError extends Error {
  override readonly name = 'NewerDatabaseError'
}
