import { and, asc, eq, gt, isNotNull, isNull, type SqliteDatabase, sql } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { isStorable } from '../storable-text.ts'
import { rowsOf, type Transact } from '../transactions.ts'
import type { AuditEventRow, NewUserRow, UserRow } from '../types.ts'
import { recordEvent } from './audit-events.ts'
import type { ReadableDatabase } from './repository.ts'

/** Which accounts are asked for. */
export interface UserFilter {
  /** A part of the e-mail, as it is stored. */
  email?: string | undefined
  isDisabled?: boolean | undefined
  /** Only e-mails that come after this one. */
  after?: string | undefined
  /** At most so many. */
  limit: number
}

/** The accounts. Each write records its event where it took effect, and only there. */
export const users = {
  reads(db: ReadableDatabase, { users }: Tables) {
    const findByEmail = db
      .select()
      .from(users)
      .where(eq(users.email, sql.placeholder('email')))
      .limit(1)
      .prepare()

    return {
      async findByEmail(email: string): Promise<UserRow | undefined> {
        if (!isStorable(email)) return undefined
        const [row] = await findByEmail.execute({ email })
        return row
      },

      async findById(id: string): Promise<UserRow | undefined> {
        if (!isStorable(id)) return undefined
        const [row] = await db.select().from(users).where(eq(users.id, id)).limit(1)
        return row
      },

      /** @returns the accounts that match, by e-mail in the database's order */
      async list({ email, isDisabled, after, limit }: UserFilter): Promise<UserRow[]> {
        return await db
          .select()
          .from(users)
          .where(
            and(
              after === undefined ? undefined : gt(users.email, after),
              email === undefined ? undefined : sql`${users.email} like ${containing(email)} escape '!'`,
              isDisabled === undefined
                ? undefined
                : isDisabled
                  ? isNotNull(users.disabledAt)
                  : isNull(users.disabledAt),
            ),
          )
          .orderBy(asc(users.email))
          .limit(limit)
      },
    }
  },

  writes(db: SqliteDatabase, tables: Tables, transact: Transact) {
    const { users } = tables
    const nextTokenVersion = sql`${users.tokenVersion} + 1`

    async function change(
      id: string,
      columns: { disabledAt?: Date | null; hashedPassword?: string; tokenVersion?: typeof nextTokenVersion },
      event: AuditEventRow,
    ): Promise<UserRow | undefined> {
      if (!isStorable(id)) return undefined
      return await transact(function* (tx) {
        const [row] = yield* rowsOf(tx.update(users).set(columns).where(eq(users.id, id)).returning())
        if (row) yield* recordEvent(tx, tables, event)
        return row
      })
    }

    return {
      /** @returns the new account, or undefined where the e-mail is taken, also when two such calls race */
      async insert(user: NewUserRow, event: AuditEventRow): Promise<UserRow | undefined> {
        return await transact(function* (tx) {
          const [row] = yield* rowsOf(tx.insert(users).values(user).onConflictDoNothing().returning())
          if (row) yield* recordEvent(tx, tables, event)
          return row
        })
      },

      /** Refuses an account's logins, and its tokens for good. @returns the account as it is now, or undefined where there is none */
      async disable(id: string, disabledAt: Date, event: AuditEventRow): Promise<UserRow | undefined> {
        return await change(id, { disabledAt, tokenVersion: nextTokenVersion }, event)
      },

      /** Lets an account log in again. */
      async enable(id: string, event: AuditEventRow): Promise<UserRow | undefined> {
        return await change(id, { disabledAt: null }, event)
      },

      /** Sets another password, and refuses the tokens that were issued for the old one. */
      async setPassword(
        id: string,
        hashedPassword: string,
        event: AuditEventRow,
      ): Promise<UserRow | undefined> {
        return await change(id, { hashedPassword, tokenVersion: nextTokenVersion }, event)
      },

      /** Refuses every token issued to an account so far. */
      async raiseTokenVersion(id: string, event: AuditEventRow): Promise<UserRow | undefined> {
        return await change(id, { tokenVersion: nextTokenVersion }, event)
      },

      /** @returns the account as it was, or undefined where there was none */
      async delete(id: string, event: AuditEventRow): Promise<UserRow | undefined> {
        if (!isStorable(id)) return undefined
        return await transact(function* (tx) {
          const [row] = yield* rowsOf(tx.delete(users).where(eq(users.id, id)).returning())
          if (row) yield* recordEvent(tx, tables, event)
          return row
        })
      },

      /** Replaces a hash by another of the same password, unless the password has been changed meanwhile. */
      async rehash(id: string, oldHash: string, newHash: string): Promise<void> {
        await db
          .update(users)
          .set({ hashedPassword: newHash })
          .where(and(eq(users.id, id), eq(users.hashedPassword, oldHash)))
      },
    }
  },
}

/** The pattern of `like` for a text that is anywhere in another. */
function containing(text: string): string {
  return `%${text.replaceAll(/[%_!]/g, '!$&')}%`
}
