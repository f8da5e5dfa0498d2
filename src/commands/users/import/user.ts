import type { UserRow } from '../../../../drizzle/index.ts'
import { normalizeEmail } from '../../../../plugins/accounts/email.ts'
import { findUserFaults } from '../../../../plugins/accounts/registration.ts'
import { costOf, MAX_COST } from '../../../../plugins/passwords/bcrypt.ts'
import { createId } from './ids.ts'
import { COLUMNS, describeUnknown, type ImportRecord, REQUIRED_COLUMNS } from './records.ts'

/** A user that a line describes. */
export interface ImportedUser {
  line: number
  user: UserRow
  /** The values that the line gives. */
  given: Partial<UserRow>
}

/** A line that is refused, and why. */
export interface BadLine {
  line: number
  reasons: string[]
}

/** A UUID of any version (RFC 9562). */
const UUID = /^[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i

/** An instant of RFC 3339. */
const INSTANT = /^(\d{4}-\d\d-(\d\d))T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i

/** Checks a line by the rules of a registration, except those for the password, of which there is only the hash. */
export class UserReader {
  /**
   * The version of users whose line gives an id. A user with that id may have been deleted here before. The version
   * is random, so that tokens of that user stay refused.
   */
  readonly #tokenVersion: number
  readonly #now: Date

  constructor(tokenVersion: number, now: Date) {
    this.#tokenVersion = tokenVersion
    this.#now = now
  }

  read({ line, fields, fault, newId }: ImportRecord): ImportedUser | BadLine {
    if (!fields) return { line, reasons: [fault ?? ''] }
    const reasons = findColumnFaults(fields)
    if (reasons.length > 0) return { line, reasons }
    const { id, email = '', name, hashed_password: hashedPassword = '' } = fields as Record<string, string>
    const createdAt = readInstant(fields, 'created_at', reasons)
    const disabledAt = readInstant(fields, 'disabled_at', reasons)
    for (const { path, message } of findUserFaults({ email, name })) {
      reasons.push(`${path.slice(1)} ${message}`)
    }
    if (!((costOf(hashedPassword) ?? Number.NaN) <= MAX_COST)) {
      reasons.push(
        `hashed_password must be a bcrypt hash ($2a$, $2b$ or $2y$) with a cost from 4 to ${MAX_COST}`,
      )
    }
    if (id !== undefined && !UUID.test(id)) reasons.push('id must be a UUID')
    if (reasons.length > 0) return { line, reasons }

    const given = {
      email: normalizeEmail(email),
      hashedPassword,
      ...(id !== undefined && { id: id.toLowerCase() }),
      ...(name !== undefined && { name }),
      ...(createdAt && { createdAt }),
      ...(disabledAt && { disabledAt }),
    }
    const user = {
      id: given.id ?? newId ?? createId(),
      email: given.email,
      name: name ?? null,
      hashedPassword,
      createdAt: createdAt ?? this.#now,
      disabledAt: disabledAt ?? null,
      // As if the user had been disabled here: earlier tokens stay refused when they are enabled.
      tokenVersion: id !== undefined ? this.#tokenVersion : disabledAt ? 1 : 0,
    }
    return { line, user, given }
  }
}

function findColumnFaults(fields: Record<string, unknown>): string[] {
  const reasons: string[] = []
  for (const name in fields) {
    if (!(COLUMNS as readonly string[]).includes(name)) reasons.push(describeUnknown(name))
    else if (fields[name] !== undefined && typeof fields[name] !== 'string')
      reasons.push(`${name} must be a string`)
  }
  for (const name of REQUIRED_COLUMNS) if (fields[name] === undefined) reasons.push(`${name} is missing`)
  return reasons
}

function readInstant(fields: Record<string, unknown>, name: string, reasons: string[]): Date | undefined {
  const text = fields[name] as string | undefined
  if (text === undefined) return undefined
  const [, date, day] = INSTANT.exec(text) ?? []
  const instant = new Date(text)
  if (date !== undefined && instant.getTime() >= 0 && isDate(date, Number(day))) return instant
  reasons.push(`${name} must be an RFC 3339 time since 1970, such as 2026-11-22T09:30:00Z`)
  return undefined
}

/** JavaScript turns 30 February into 2 March. */
function isDate(date: string, day: number): boolean {
  return day <= 28 || new Date(`${date}T00:00:00Z`).getUTCDate() === day
}
