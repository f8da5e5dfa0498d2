import { asc, count, gt, inArray, lt, max, type SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import type { Transact } from '../transactions.ts'
import type { AuditEventRow, BlacklistedTokenRow } from '../types.ts'
import { createAuditedWrite } from './audit-events.ts'
import type { ReadableDatabase } from './repository.ts'

/** The tokens that were revoked before they expired. */
export const blacklistedTokens = {
  reads(db: ReadableDatabase, { blacklistedTokens }: Tables) {
    return {
      /**
       * Counts the rows batch by batch, ordered by `jti`, so that no statement takes long however large the table is.
       *
       * @param after the last `jti` of the previous batch; empty for the first one
       * @param limit the size of the batch
       * @returns how many rows there are, and the last `jti`, which is null if there are none
       */
      async countAfter(after: string, limit: number): Promise<{ rows: number; last: string | null }> {
        const batch = db
          .select({ jti: blacklistedTokens.jti })
          .from(blacklistedTokens)
          .where(gt(blacklistedTokens.jti, after))
          .orderBy(asc(blacklistedTokens.jti))
          .limit(limit)
          .as('batch')
        const [counted] = await db.select({ rows: count(), last: max(batch.jti) }).from(batch)
        return counted ?? { rows: 0, last: null }
      },
    }
  },

  writes(db: SqliteDatabase, tables: Tables, transact: Transact) {
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
       * Deletes at most `limit` tokens that expired before `expiredBefore`.
       *
       * @returns how many it deleted
       */
      async prune(expiredBefore: Date, limit: number): Promise<number> {
        const expired = db
          .select({ jti })
          .from(blacklistedTokens)
          .where(lt(blacklistedTokens.expiresAt, expiredBefore))
          .limit(limit)
        const deleted = await db.delete(blacklistedTokens).where(inArray(jti, expired)).returning({ jti })
        return deleted.length
      },
    }
  },
}
