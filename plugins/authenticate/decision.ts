import type { PrincipalSlot } from '../../drizzle/index.ts'
import type { Refusal } from '../problem/codes.ts'
import type { AccessTokenClaims } from '../signing-keys/jwt.ts'

/** A token whose signature and times are right, and what the database has just said about it. */
interface Candidate extends Pick<PrincipalSlot, 'row'> {
  claims: Pick<AccessTokenClaims, 'ver'>
}

/**
 * The rule by which the present state of the database refuses a token.
 *
 * @param now in milliseconds since the epoch
 * @returns why it is refused, or undefined if it is valid
 */
export function findRefusal({ row, claims }: Candidate, now: number): Refusal | undefined {
  if (!row) return 'account_deleted'
  if (row.blacklistedJti !== null) return 'revoked'
  if (row.kid === null) return 'key_retired'
  if (row.keyRetiresAt !== null && row.keyRetiresAt.getTime() <= now) return 'key_retired'
  if (row.disabledAt !== null) return 'account_disabled'
  if (row.tokenVersion !== claims.ver) return 'superseded'
  return undefined
}
