import { and, asc, eq, gt, isNull, lt, or, type SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import type { Transact } from '../transactions.ts'
import type { AuditEventRow, SigningKeyRow } from '../types.ts'
import { createAuditedWrite } from './audit-events.ts'
import type { ReadableDatabase } from './repository.ts'

/**
 * The end of a key that `retire` has ended: over by every clock, also by one that is behind. The audit trail has the
 * time.
 */
export const RETIRED_AT_ONCE = new Date(0)

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

  writes(db: SqliteDatabase, tables: Tables, transact: Transact) {
    const { signingKeys } = tables
    const { kid: kidColumn } = signingKeys
    const audited = createAuditedWrite(tables, transact)

    function endsAfter(kid: string, retiresAt: Date) {
      return and(eq(kidColumn, kid), or(isNull(signingKeys.retiresAt), gt(signingKeys.retiresAt, retiresAt)))
    }

    return {
      /** @returns false if the predecessor already has a successor: then nothing was written */
      async insert(key: SigningKeyRow, event: AuditEventRow): Promise<boolean> {
        const row = await audited(event, (tx) =>
          tx.insert(signingKeys).values(key).onConflictDoNothing().returning({ kid: kidColumn }),
        )
        return row !== undefined
      },

      /** Lets a key sign from `now` on, unless it already may. */
      async activate(kid: string, now: Date): Promise<void> {
        await db
          .update(signingKeys)
          .set({ activatesAt: now })
          .where(and(eq(kidColumn, kid), gt(signingKeys.activatesAt, now)))
      },

      /** Retires a key at `retiresAt`, unless it retires sooner. */
      async end(kid: string, retiresAt: Date): Promise<void> {
        await db.update(signingKeys).set({ retiresAt }).where(endsAfter(kid, retiresAt))
      },

      /** Retires a key by every clock. @returns false if that was done before */
      async retire(kid: string, event: AuditEventRow): Promise<boolean> {
        const row = await audited(event, (tx) =>
          tx
            .update(signingKeys)
            .set({ retiresAt: RETIRED_AT_ONCE })
            .where(endsAfter(kid, RETIRED_AT_ONCE))
            .returning({ kid: kidColumn }),
        )
        return row !== undefined
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
          .where(and(eq(kidColumn, kid), lt(signingKeys.maxTokenLifetime, seconds)))
      },
    }
  },
}
