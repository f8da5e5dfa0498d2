/** A line to import: its fields, or what is wrong with it. */
export interface ImportRecord {
  /** The number of its first line, counted from 1. */
  line: number
  /** Empty fields are undefined. */
  fields?: Record<string, unknown>
  fault?: string
  /** The id of a new user, if the line gives none. */
  newId?: string | undefined
}

/** The file cannot be read from this line on. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError'
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

/** The columns that a line may have. */
export const COLUMNS = ['id', 'email', 'name', 'hashed_password', 'created_at', 'disabled_at'] as const

/** The columns that a line must have. */
export const REQUIRED_COLUMNS = ['email', 'hashed_password'] as const

/** What is wrong with an unknown column. Its name is repeated only if it looks like one: it may be a secret. */
export function describeUnknown(name: string): string {
  if (/^password$/i.test(name))
    return 'password is not a column: only hashes are imported, as hashed_password'
  return /^\w{1,40}$/.test(name) ? `${name} is not a column` : 'it has an unknown column'
}
