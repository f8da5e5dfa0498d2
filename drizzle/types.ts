import type { auditEvents, blacklistedTokens, clients, signingKeys, users } from './sqlite/schema.ts'

/** An account, as stored. */
export type UserRow = typeof users.$inferSelect
/** A new account: what the database does not fill in by itself. */
export type NewUserRow = typeof users.$inferInsert
/** A revoked token. */
export type BlacklistedTokenRow = typeof blacklistedTokens.$inferSelect
/** A key that signs or verifies tokens. */
export type SigningKeyRow = typeof signingKeys.$inferSelect

/** Who may introspect and revoke tokens. */
export type ClientRow = typeof clients.$inferSelect

/** Who did what, and when. */
export type AuditEventRow = typeof auditEvents.$inferSelect

/** What one read says about a token: its account, and whether the token and its key still count. */
export interface PrincipalRow
  extends Pick<UserRow, 'id' | 'email' | 'name' | 'createdAt' | 'disabledAt' | 'tokenVersion'> {
  /** The token's `jti` where it is in `blacklisted_tokens`, else null. */
  blacklistedJti: string | null
  /** The token's `kid` where there is such a key, else null. */
  kid: string | null
  /** From when on that key's tokens do not count; null for no end yet. */
  keyRetiresAt: Date | null
}
