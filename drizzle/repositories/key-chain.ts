import type { Clock } from '../clock.ts'
import { and, eq, gt, isNull, notInArray, or, type SqliteDatabase, sql } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { rowsOf, type Transact } from '../transactions.ts'
import type { AuditEventRow, SigningKeyRow } from '../types.ts'
import { recordEvent } from './audit-events.ts'

/**
 * The end of a key that `retire` has ended: over by every clock, also by one that is behind. The audit trail has the
 * time.
 */
export const RETIRED_AT_ONCE = new Date(0)

/** The writes that depend on two keys of a chain: one, and its successor or predecessor. */
export function createKeyChain(tables: Tables, transact: Transact, clock: Clock) {
  const { signingKeys } = tables
  const { kid: kidColumn, predecessor, maxTokenLifetime, activatesAt, retiresAt } = signingKeys
  const returned = { kid: kidColumn }

  function endsAfter(kid: string, instant: Date) {
    return and(eq(kidColumn, kid), or(isNull(retiresAt), gt(retiresAt, instant)))
  }

  /**
   * Holds a key until the end of the transaction, so that nobody deletes it. Returns no row if there is none. Of two
   * keys, each transaction holds the predecessor first: otherwise two could wait for each other.
   */
  function hold(tx: SqliteDatabase, kid: string) {
    const unchanged = { maxTokenLifetime: sql`${maxTokenLifetime}` }
    return tx.update(signingKeys).set(unchanged).where(eq(kidColumn, kid)).returning(returned)
  }

  function end(tx: SqliteDatabase, kid: string, instant: Date) {
    return tx.update(signingKeys).set({ retiresAt: instant }).where(endsAfter(kid, instant)).returning()
  }

  return {
    /** Creates a successor. @returns false if the key before it has one, or is gone: then nothing was written */
    async insertSuccessor(key: SigningKeyRow, event: AuditEventRow): Promise<boolean> {
      return await transact(function* (tx) {
        const [held] = yield* rowsOf(hold(tx, key.predecessor))
        if (!held) return false
        const insert = tx.insert(signingKeys).values(key).onConflictDoNothing().returning(returned)
        const [row] = yield* rowsOf(insert)
        if (row) yield* rowsOf(recordEvent(tx, tables, event))
        return row !== undefined
      })
    },

    /**
     * Plans the end of a key, unless it ends sooner.
     *
     * @param successor the key that has replaced it; if that is gone, nothing is planned
     */
    async end(kid: string, instant: Date, successor?: string): Promise<void> {
      await transact(function* (tx) {
        if (successor !== undefined) {
          yield* rowsOf(hold(tx, kid))
          if ((yield* rowsOf(hold(tx, successor))).length === 0) return
        }
        yield* rowsOf(end(tx, kid, instant))
      })
    },

    /**
     * Retires a key by every clock. One that has not signed yet is deleted, and the key before it goes on as if it
     * had never had a successor. No token needs the row: without it, its tokens are refused too.
     *
     * @returns undefined if it was retired before
     */
    async retire(kid: string, event: AuditEventRow): Promise<'retired' | 'deleted' | undefined> {
      return await transact(function* (tx) {
        const [found] = yield* rowsOf(tx.select({ predecessor }).from(signingKeys).where(eq(kidColumn, kid)))
        if (found) yield* rowsOf(hold(tx, found.predecessor))
        const [key] = yield* rowsOf(end(tx, kid, RETIRED_AT_ONCE))
        if (!key) return undefined
        yield* rowsOf(recordEvent(tx, tables, event))
        const hasNotSigned = gt(activatesAt, clock.now())
        const replaced = tx.select({ kid: predecessor }).from(signingKeys)
        const isUnused = and(eq(kidColumn, kid), hasNotSigned, notInArray(kidColumn, replaced))
        const deleted = yield* rowsOf(tx.delete(signingKeys).where(isUnused).returning(returned))
        if (deleted.length === 0) return 'retired'
        // An end that was planned for this successor is after its first signature. Any other end stays.
        const wasPlanned = and(eq(kidColumn, key.predecessor), gt(retiresAt, key.activatesAt))
        yield* rowsOf(tx.update(signingKeys).set({ retiresAt: null }).where(wasPlanned).returning(returned))
        return 'deleted'
      })
    },
  }
}
