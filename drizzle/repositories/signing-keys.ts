import type { Clock } from '../clock.ts'
import { and, asc, eq, gt, inArray, lt, type SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import type { Transact } from '../transactions.ts'
import type { AuditEventRow, SigningKeyRow } from '../types.ts'
import { createAuditedWrite } from './audit-events.ts'
import { createKeyChain } from './key-chain.ts'
import type { ReadableDatabase } from './repository.ts'

/** The keys that sign and verify tokens. */
export const signingKeys = {
  reads(db: ReadableDatabase, { signingKeys }: Tables) {
    const listSigningKeys = db.select().from(signingKeys).orderBy(asc(signingKeys.createdAt)).prepare()

    return {
      /** @returns all keys, retired ones too, oldest first */
      async list(): Promise<SigningKeyRow[]> {
        return await listSigningKeys.execute()
      },
    }
  },

  writes(db: SqliteDatabase, tables: Tables, transact: Transact, clock: Clock) {
    const { signingKeys } = tables
    const { kid: kidColumn, maxTokenLifetime, activatesAt, retiresAt } = signingKeys
    const returned = { kid: kidColumn }
    const audited = createAuditedWrite(tables, transact)

    return {
      ...createKeyChain(tables, transact, clock),

      /** Creates the first key of a chain. @returns false if there is one: then nothing was written */
      async insert(key: SigningKeyRow, event: AuditEventRow): Promise<boolean> {
        const row = await audited(event, (tx) =>
          tx.insert(signingKeys).values(key).onConflictDoNothing().returning(returned),
        )
        return row !== undefined
      },

      /** Lets a key sign from `now` on, unless it already may. */
      async activate(kid: string, now: Date): Promise<void> {
        await db
          .update(signingKeys)
          .set({ activatesAt: now })
          .where(and(eq(kidColumn, kid), gt(activatesAt, now)))
      },

      /**
       * Deletes keys that were created and ended more than `age` milliseconds ago. The newest of an algorithm stays,
       * since the next one names it as its predecessor.
       *
       * @returns how many it deleted
       */
      async deleteEnded(age: number): Promise<number> {
        const replaced = db.select({ kid: signingKeys.predecessor }).from(signingKeys)
        const ended = [retiresAt, signingKeys.createdAt].map((column) => lt(column, clock.ago(age)))
        const deleted = await db
          .delete(signingKeys)
          .where(and(...ended, inArray(kidColumn, replaced)))
          .returning(returned)
        return deleted.length
      },

      /** Replaces the sealed private key. */
      async reseal(kid: string, sealedPrivateKey: string): Promise<void> {
        await db.update(signingKeys).set({ sealedPrivateKey }).where(eq(kidColumn, kid))
      },

      /** Records that a key signs tokens with a lifetime of `seconds`, unless a longer one is recorded. */
      async raiseMaxTokenLifetime(kid: string, seconds: number): Promise<void> {
        await db
          .update(signingKeys)
          .set({ maxTokenLifetime: seconds })
          .where(and(eq(kidColumn, kid), lt(maxTokenLifetime, seconds)))
      },
    }
  },
}
