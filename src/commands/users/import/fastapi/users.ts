import type { ForeignDatabase, ForeignRow } from '../../../../../drizzle/sqlite/foreign.ts'
import type { ImportRecord } from '../records.ts'
import type { FastapiSchema, UserColumns } from './schema.ts'

/** Users per query. */
const STEP = 500

/** A time as SQLAlchemy stores it in SQLite: in UTC, without an offset. */
const NAIVE_INSTANT = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)$/

/**
 * Reads the users of a FastAPI app as if each were a line of a file. The line's number is the user's id, if that is a
 * number.
 *
 * @param idOf returns the id for a new user; undefined for a random one
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

/** Booleans are stored as numbers or as text. */
function isTrue(value: unknown): boolean {
  return typeof value === 'string' ? /^(1|t|true)$/i.test(value) : Boolean(value)
}

/** A hash is a BLOB if the app has stored bytes. */
function toText(value: unknown): unknown {
  return Buffer.isBuffer(value) ? value.toString('latin1') : value
}

function toInstant(value: unknown): unknown {
  if (typeof value === 'number' && value > 0 && value < 1e11) return new Date(value * 1000).toISOString()
  const [, date, time] = (typeof value === 'string' && NAIVE_INSTANT.exec(value)) || []
  return date === undefined ? value : `${date}T${time}Z`
}
