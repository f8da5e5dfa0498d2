import type { Database, UserRow } from '../../../drizzle/index.ts'
import { findByEmail } from '../../../plugins/accounts/find-by-email.ts'
import { printable, toJson } from '../terminal/text.ts'

/** A user as printed, without the password hash. */
export type UserRecord = Record<'id' | 'email' | 'name' | 'created_at' | 'disabled_at', string | null>

export function toRecord({ id, email, name, createdAt, disabledAt }: UserRow): UserRecord {
  return {
    id,
    email,
    name,
    created_at: createdAt.toISOString(),
    disabled_at: disabledAt?.toISOString() ?? null,
  }
}

/** Prints a user: as JSON for a script, or as text for a person. */
export function printUser(row: UserRow, { json }: { json?: true }, text: string): void {
  console.log(json ? toJson(toRecord(row), 2) : text)
}

/**
 * Finds a user.
 *
 * @param who an e-mail or an id
 * @throws if there is no such user
 */
export async function findUser({ users }: Database, who: string): Promise<UserRow> {
  const row = who.includes('@')
    ? await findByEmail(users, who)
    : await users.findById(who.trim().toLowerCase())
  return assertFound(row, who)
}

/** @throws if there is no user */
export function assertFound(row: UserRow | undefined, who: string): UserRow {
  if (!row) throw new Error(`There is no user ${printable(who)}.`)
  return row
}
