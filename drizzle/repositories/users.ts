import { and, asc, eq, gt, isNotNull, isNull, type SqliteDatabase, sql } from '../drizzle-orm.ts'
import { prepareHighestHashCost } from '../hash-costs.ts'
import type { Tables } from '../sqlite/schema.ts'
import { isStorable } from '../storable-text.ts'
import { rowsOf, type Transact } from '../transactions.ts'
import type { AuditEventRow, NewUserRow, UserRow } from '../types.ts'
import { createAuditedWrite, recordEvent } from './audit-events.ts'
import type { ReadableDatabase } from './repository.ts'

/** Which users to return. */
export interface UserFilter {
  /** A part of the e-mail, in lower case. */
  email?: string | undefined
  isDisabled?: boolean | undefined
  /** Only users whose e-mail comes after this one. */
  after?: string | undefined
  /** The most users to return. */
  limit: number
}

/** The users. Each write records its event in the same transaction, if it changed anything. */
export const users = {
  reads(db: ReadableDatabase, tables: Tables) {
    const { users } = tables
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

      /** @returns the highest cost of a hash; undefined if there are no users */
      highestHashCost: prepareHighestHashCost(db, tables),

      /** @returns the users that match, by e-mail in the database's order */
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
    const { users, deletedUsers } = tables
    const audited = createAuditedWrite(tables, transact)
    const nextTokenVersion = sql`${users.tokenVersion} + 1`

    async function change(
      id: string,
      columns: { disabledAt?: Date | null; hashedPassword?: string; tokenVersion?: typeof nextTokenVersion },
      event: AuditEventRow,
    ): Promise<UserRow | undefined> {
      if (!isStorable(id)) return undefined
      return await audited(event, (tx) => tx.update(users).set(columns).where(eq(users.id, id)).returning())
    }

    return {
      /** @returns the new user, or undefined if the e-mail is taken, even when two calls race */
      async insert(user: NewUserRow, event: AuditEventRow): Promise<UserRow | undefined> {
        return await audited(event, (tx) => tx.insert(users).values(user).onConflictDoNothing().returning())
      },

      /** Disables a user and revokes all their tokens. @returns the changed user, or undefined if there is none */
      async disable(id: string, disabledAt: Date, event: AuditEventRow): Promise<UserRow | undefined> {
        return await change(id, { disabledAt, tokenVersion: nextTokenVersion }, event)
      },

      /** Lets a user log in again. */
      async enable(id: string, event: AuditEventRow): Promise<UserRow | undefined> {
        return await change(id, { disabledAt: null }, event)
      },

      /** Changes a user's password and revokes all their tokens. */
      async setPassword(
        id: string,
        hashedPassword: string,
        event: AuditEventRow,
      ): Promise<UserRow | undefined> {
        return await change(id, { hashedPassword, tokenVersion: nextTokenVersion }, event)
      },

      /** Revokes all tokens of a user. */
      async raiseTokenVersion(id: string, event: AuditEventRow): Promise<UserRow | undefined> {
        return await change(id, { tokenVersion: nextTokenVersion }, event)
      },

      /** Deletes a user, and records that the id is not to be used again. @returns the user, or undefined if none */
      async delete(id: string, event: AuditEventRow): Promise<UserRow | undefined> {
        if (!isStorable(id)) return undefined
        return await transact(function* (tx) {
          const [user] = yield* rowsOf(tx.delete(users).where(eq(users.id, id)).returning())
          if (!user) return undefined
          yield* rowsOf(recordEvent(tx, tables, event))
          const deleted = { id, deletedAt: event.createdAt }
          yield* rowsOf(tx.insert(deletedUsers).values(deleted).onConflictDoNothing().returning())
          return user
        })
      },

      /** Replaces a hash by another one of the same password, unless the password was changed in between. */
      async rehash(id: string, oldHash: string, newHash: string): Promise<void> {
        await db
          .update(users)
          .set({ hashedPassword: newHash })
          .where(and(eq(users.id, id), eq(users.hashedPassword, oldHash)))
      },
    }
  },
}

/** A pattern for `like` that matches texts which contain this one. */
function containing(text: string): string {
  return `%${text.replaceAll(/[%_!]/g, '!$&')}%`
}
