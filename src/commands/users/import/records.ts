/** A line of what is imported: its fields, or what is wrong with it as a whole. */
export interface ImportRecord {
  /** Where it begins, counted from 1. */
  line: number
  /** A field that the line leaves empty is undefined. */
  fields?: Record<string, unknown>
  fault?: string
  /** The id that the account gets where it is new and the line gives none. */
  newId?: string | undefined
}

/** Nothing can be read from a line on. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError'
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

/** What a line may have. */
export const COLUMNS = ['id', 'email', 'name', 'hashed_password', 'created_at', 'disabled_at'] as const

/** What a line must have. */
export const REQUIRED_COLUMNS = ['email', 'hashed_password'] as const

/** What is wrong with a column that there is not. Only what looks like the name of one is repeated: it may be anything. */
export function describeUnknown(name: string): string {
  if (/^password$/i.test(name))
    return 'password is not a column: only hashes are imported, as hashed_password'
  return /^\w{1,40}$/.test(name) ? `${name} is not a column` : 'it has a column that there is not'
}
