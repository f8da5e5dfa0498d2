import type { Clock } from '../clock.ts'
import { eq, inArray, lt, type SqliteDatabase, sql } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { rowsOf, type Transact } from '../transactions.ts'
import type { ReadableDatabase } from './repository.ts'

/** The addresses from which users have logged in lately, each with its user as one unreadable key. */
export const knownAddresses = {
  reads(db: ReadableDatabase, { knownAddresses }: Tables) {
    const findAddress = db
      .select({ expiresAt: knownAddresses.expiresAt })
      .from(knownAddresses)
      .where(eq(knownAddresses.key, sql.placeholder('key')))
      .limit(1)
      .prepare()

    return {
      /** @returns until when an address is known; undefined if it is not */
      async expiryOf(key: string): Promise<Date | undefined> {
        const [row] = await findAddress.execute({ key })
        return row?.expiresAt
      },
    }
  },

  writes(db: SqliteDatabase, { knownAddresses }: Tables, transact: Transact, clock: Clock) {
    const { key: keyColumn } = knownAddresses

    return {
      /** Records that an address is known until `expiresAt`. */
      async remember(key: string, expiresAt: Date): Promise<void> {
        await transact((tx) =>
          rowsOf(
            tx
              .insert(knownAddresses)
              .values({ key, expiresAt })
              .onConflictDoUpdate({ target: keyColumn, set: { expiresAt } })
              .returning({ key: keyColumn }),
          ),
        )
      },

      /**
       * Deletes at most `limit` addresses that have not been known for more than `age` milliseconds.
       *
       * @returns how many it deleted
       */
      async prune(age: number, limit: number): Promise<number> {
        const expired = db
          .select({ key: keyColumn })
          .from(knownAddresses)
          .where(lt(knownAddresses.expiresAt, clock.ago(age)))
          .limit(limit)
        const deleted = await db
          .delete(knownAddresses)
          .where(inArray(keyColumn, expired))
          .returning({ key: keyColumn })
        return deleted.length
      },
    }
  },
}
