import type { Clock } from '../clock.ts'
import { inArray, lt, type SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import type { Transact } from '../transactions.ts'
import type { AuditEventRow, BlacklistedTokenRow } from '../types.ts'
import { createAuditedWrite } from './audit-events.ts'

/** The tokens that were revoked before they expired. */
export const blacklistedTokens = {
  reads: () => ({}),

  writes(db: SqliteDatabase, tables: Tables, transact: Transact, clock: Clock) {
    const { blacklistedTokens } = tables
    const { jti } = blacklistedTokens
    const audited = createAuditedWrite(tables, transact)

    return {
      /**
       * Revokes a token, durably when the promise resolves. Revoking it again changes nothing.
       *
       * @returns false if the token was revoked already
       */
      async insert(token: BlacklistedTokenRow, event: AuditEventRow): Promise<boolean> {
        const row = await audited(event, (tx) =>
          tx.insert(blacklistedTokens).values(token).onConflictDoNothing().returning({ jti }),
        )
        return row !== undefined
      },

      /**
       * Deletes at most `limit` tokens that expired more than `age` milliseconds ago.
       *
       * @returns how many it deleted
       */
      async prune(age: number, limit: number): Promise<number> {
        const expired = db
          .select({ jti })
          .from(blacklistedTokens)
          .where(lt(blacklistedTokens.expiresAt, clock.ago(age)))
          .limit(limit)
        const deleted = await db.delete(blacklistedTokens).where(inArray(jti, expired)).returning({ jti })
        return deleted.length
      },
    }
  },
}
