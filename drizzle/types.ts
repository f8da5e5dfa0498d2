import type { auditEvents, blacklistedTokens, clients, signingKeys, users } from './sqlite/schema.ts'

/** A user, as stored. */
export type UserRow = typeof users.$inferSelect
/** A new user, without the columns that have a default. */
export type NewUserRow = typeof users.$inferInsert
/** A revoked token. */
export type BlacklistedTokenRow = typeof blacklistedTokens.$inferSelect
/** A key that signs or verifies tokens. */
export type SigningKeyRow = typeof signingKeys.$inferSelect

/** A client that may introspect and revoke tokens. */
export type ClientRow = typeof clients.$inferSelect

/** An event of the audit trail. */
export type AuditEventRow = typeof auditEvents.$inferSelect

/** What one query says about a token: its user, whether it is revoked, and until when its key is valid. */
export interface PrincipalRow
  extends Pick<UserRow, 'id' | 'email' | 'name' | 'createdAt' | 'disabledAt' | 'tokenVersion'> {
  /** The token's `jti` if it is in `blacklisted_tokens`, else null. */
  blacklistedJti: string | null
  /** The token's `kid` if there is such a key, else null. */
  kid: string | null
  /** When that key's tokens stop being valid; null if that is not decided yet. */
  keyRetiresAt: Date | null
}
