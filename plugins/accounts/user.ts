import type { UserRow } from '../../drizzle/index.ts'
import type { User } from '../postern.ts'

/** A user without the columns that no caller may see. */
export function toUser({ id, email, name, createdAt, disabledAt }: UserRow): User {
  return { id, email, name, createdAt, disabledAt }
}
