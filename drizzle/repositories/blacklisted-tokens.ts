import { asc, count, gt, inArray, lt, max, type SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { rowsOf, type Transact } from '../transactions.ts'
import type { AuditEventRow, BlacklistedTokenRow } from '../types.ts'
import { recordEvent } from './audit-events.ts'
import type { ReadableDatabase } from './repository.ts'

/** The tokens revoked before their time. */
export const blacklistedTokens = {
  reads(db: ReadableDatabase, { blacklistedTokens }: Tables) {
    return {
      /**
       * Counts the rows of one step through the table, by `jti`, so that no statement takes long however large the table is.
       *
       * @param after where the step before ended; the empty text to begin
       * @param limit rows of the step
       * @returns how many there were, and the last of them; null where there were none
       */
      async countAfter(after: string, limit: number): Promise<{ rows: number; last: string | null }> {
        const step = db
          .select({ jti: blacklistedTokens.jti })
          .from(blacklistedTokens)
          .where(gt(blacklistedTokens.jti, after))
          .orderBy(asc(blacklistedTokens.jti))
          .limit(limit)
          .as('step')
        const [counted] = await db.select({ rows: count(), last: max(step.jti) }).from(step)
        return counted ?? { rows: 0, last: null }
      },
    }
  },

  writes(db: SqliteDatabase, tables: Tables, transact: Transact) {
    const { blacklistedTokens } = tables

    return {
      /**
       * Durable when it resolves. Revoking the same token again changes nothing.
       *
       * @returns whether the token had not been revoked before
       */
      async insert(token: BlacklistedTokenRow, event: AuditEventRow): Promise<boolean> {
        return await transact(function* (tx) {
          const { jti } = blacklistedTokens
          const [row] = yield* rowsOf(
            tx.insert(blacklistedTokens).values(token).onConflictDoNothing().returning({ jti }),
          )
          if (row) yield* recordEvent(tx, tables, event)
          return row !== undefined
        })
      },

      /**
       * Deletes rows of tokens that expired before `expiredBefore`, at most `limit` of them.
       *
       * @returns how many it deleted
       */
      async prune(expiredBefore: Date, limit: number): Promise<number> {
        const expired = db
          .select({ jti: blacklistedTokens.jti })
          .from(blacklistedTokens)
          .where(lt(blacklistedTokens.expiresAt, expiredBefore))
          .limit(limit)
        const deleted = await db
          .delete(blacklistedTokens)
          .where(inArray(blacklistedTokens.jti, expired))
          .returning({ jti: blacklistedTokens.jti })
        return deleted.length
      },
    }
  },
}
