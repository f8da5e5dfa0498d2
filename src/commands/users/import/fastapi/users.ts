import type { ForeignDatabase, ForeignRow } from '../../../../../drizzle/sqlite/foreign.ts'
import type { ImportRecord } from '../records.ts'
import type { FastapiSchema, UserColumns } from './schema.ts'

/** Users that are read at once. */
const STEP = 500

/** As SQLAlchemy writes an instant into SQLite: in UTC, without saying so. */
const NAIVE_INSTANT = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)$/

/**
 * Reads the users of a FastAPI application, each as if it were a line of a file. Its number is the user's id where that is one.
 *
 * @param idOf the id that a user gets who is new here; undefined for any
 */
export async function* readUsers(
  database: ForeignDatabase,
  { users }: FastapiSchema,
  idOf: (row: ForeignRow) => string | undefined,
): AsyncGenerator<ImportRecord[]> {
  const now = new Date().toISOString()
  let count = 0
  for (const rows of database.read(users.table, STEP)) {
    yield rows.map((row) => {
      count += 1
      const id = users.columns.id === undefined ? undefined : row[users.columns.id]
      const line = Number.isSafeInteger(id) ? (id as number) : count
      return { line, fields: toFields(row, users.columns, now), newId: idOf(row) }
    })
  }
}

function toFields(row: ForeignRow, columns: UserColumns, now: string): Record<string, unknown> {
  const value = (field: keyof UserColumns) => {
    const column = columns[field]
    return column === undefined ? undefined : (row[column] ?? undefined)
  }
  const fullName = [value('firstName'), value('lastName')]
    .filter((name) => typeof name === 'string')
    .join(' ')
  const isDisabled =
    isTrue(value('isDisabled')) || (columns.isActive !== undefined && !isTrue(value('isActive')))
  return {
    email: value('email'),
    name: value('name') || fullName || undefined,
    hashed_password: toText(value('hashedPassword')),
    created_at: toInstant(value('createdAt')),
    disabled_at: isDisabled ? now : undefined,
  }
}

/** As Python would have it. */
function isTrue(value: unknown): boolean {
  return typeof value === 'string' ? /^(1|t|true)$/i.test(value) : Boolean(value)
}

/** A hash is bytes where the application has stored what bcrypt gave it. */
function toText(value: unknown): unknown {
  return Buffer.isBuffer(value) ? value.toString('latin1') : value
}

function toInstant(value: unknown): unknown {
  if (typeof value === 'number' && value > 0 && value < 1e11) return new Date(value * 1000).toISOString()
  const [, date, time] = (typeof value === 'string' && NAIVE_INSTANT.exec(value)) || []
  return date === undefined ? value : `${date}T${time}Z`
}
