import type { Repositories, UserRow } from '../../drizzle/index.ts'
import { spellingsOf } from './email.ts'

/** Finds the user to whose mailbox an address leads, in whichever spelling it is stored. */
export async function findByEmail(
  users: Pick<Repositories['users'], 'findByEmail'>,
  email: string,
): Promise<UserRow | undefined> {
  for (const spelling of spellingsOf(email)) {
    const row = await users.findByEmail(spelling)
    if (row) return row
  }
  return undefined
}
