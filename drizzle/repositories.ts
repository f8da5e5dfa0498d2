import { and, asc, eq, gt, inArray, isNull, lt, or, sql } from './orm.ts'
import type { SqliteDatabase } from './sqlite/client.ts'
import type { Tables } from './sqlite/schema.ts'
import type { BlacklistedTokenRow, ClientRow, NewUserRow, SigningKeyRow, UserRow } from './types.ts'

/**
 * Every query of Postern, each once and each one atomic statement, so that no caller needs a transaction. Hot ones are
 * prepared: building a Drizzle query costs twenty times what running it does.
 *
 * @param db an opened database
 * @param tables its tables
 */
export function createRepositories(db: SqliteDatabase, tables: Tables) {
  const { users, blacklistedTokens, signingKeys, clients } = tables

  const nextTokenVersion = sql`${users.tokenVersion} + 1`

  const findByEmail = db
    .select()
    .from(users)
    .where(eq(users.email, sql.placeholder('email')))
    .limit(1)
    .prepare()

  const listSigningKeys = db.select().from(signingKeys).orderBy(asc(signingKeys.createdAt)).prepare()

  const findClient = db
    .select()
    .from(clients)
    .where(eq(clients.id, sql.placeholder('id')))
    .limit(1)
    .prepare()

  const blacklist = db
    .insert(blacklistedTokens)
    .values({
      jti: sql.placeholder('jti'),
      userId: sql.placeholder('userId'),
      expiresAt: sql.placeholder('expiresAt'),
      createdAt: sql.placeholder('createdAt'),
    })
    .onConflictDoNothing()
    .prepare()

  return {
    users: {
      /** @returns the new account, or undefined where the e-mail is taken, also when two such calls race */
      async insert(user: NewUserRow): Promise<UserRow | undefined> {
        const [row] = await db.insert(users).values(user).onConflictDoNothing().returning()
        return row
      },

      async findByEmail(email: string): Promise<UserRow | undefined> {
        const [row] = await findByEmail.execute({ email })
        return row
      },

      async findById(id: string): Promise<UserRow | undefined> {
        const [row] = await db.select().from(users).where(eq(users.id, id)).limit(1)
        return row
      },

      /**
       * Disables an account, or enables it with null. Disabling refuses its tokens for good.
       *
       * @returns the account as it is now, or undefined where there is none
       */
      async setDisabledAt(id: string, disabledAt: Date | null): Promise<UserRow | undefined> {
        const [row] = await db
          .update(users)
          .set({ disabledAt, ...(disabledAt && { tokenVersion: nextTokenVersion }) })
          .where(eq(users.id, id))
          .returning()
        return row
      },

      /** Sets another password, and refuses the tokens that were issued for the old one. */
      async setPassword(id: string, hashedPassword: string): Promise<UserRow | undefined> {
        const [row] = await db
          .update(users)
          .set({ hashedPassword, tokenVersion: nextTokenVersion })
          .where(eq(users.id, id))
          .returning()
        return row
      },

      /** Refuses every token issued to an account so far. */
      async raiseTokenVersion(id: string): Promise<UserRow | undefined> {
        const [row] = await db
          .update(users)
          .set({ tokenVersion: nextTokenVersion })
          .where(eq(users.id, id))
          .returning()
        return row
      },

      /** @returns the account as it was, or undefined where there was none */
      async delete(id: string): Promise<UserRow | undefined> {
        const [row] = await db.delete(users).where(eq(users.id, id)).returning()
        return row
      },

      /** Replaces a hash by another of the same password, unless the password has been changed meanwhile. */
      async rehash(id: string, oldHash: string, newHash: string): Promise<void> {
        await db
          .update(users)
          .set({ hashedPassword: newHash })
          .where(and(eq(users.id, id), eq(users.hashedPassword, oldHash)))
      },
    },

    blacklistedTokens: {
      /** Durable when it resolves. Revoking the same token again changes nothing. */
      async insert(token: BlacklistedTokenRow): Promise<void> {
        await blacklist.execute({ ...token })
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
    },

    signingKeys: {
      /** @returns every key there ever was, oldest first */
      async list(): Promise<SigningKeyRow[]> {
        return await listSigningKeys.execute()
      },

      /** @returns false where the predecessor has a successor already: then nothing was written */
      async insert(key: SigningKeyRow): Promise<boolean> {
        const inserted = await db
          .insert(signingKeys)
          .values(key)
          .onConflictDoNothing()
          .returning({ kid: signingKeys.kid })
        return inserted.length === 1
      },

      /** Lets a key sign from `now` on, if it was to wait for longer. */
      async activate(kid: string, now: Date): Promise<void> {
        await db
          .update(signingKeys)
          .set({ activatesAt: now })
          .where(and(eq(signingKeys.kid, kid), gt(signingKeys.activatesAt, now)))
      },

      /** Ends a key's use at `retiresAt`, unless it ends sooner already. */
      async retire(kid: string, retiresAt: Date): Promise<void> {
        await db
          .update(signingKeys)
          .set({ retiresAt })
          .where(
            and(
              eq(signingKeys.kid, kid),
              or(isNull(signingKeys.retiresAt), gt(signingKeys.retiresAt, retiresAt)),
            ),
          )
      },

      /** Replaces the sealed private key. */
      async reseal(kid: string, sealedPrivateKey: string): Promise<void> {
        await db.update(signingKeys).set({ sealedPrivateKey }).where(eq(signingKeys.kid, kid))
      },

      /** Records that a key signs tokens which live for `seconds`; a shorter time than the recorded one changes nothing. */
      async raiseMaxTokenLifetime(kid: string, seconds: number): Promise<void> {
        await db
          .update(signingKeys)
          .set({ maxTokenLifetime: seconds })
          .where(and(eq(signingKeys.kid, kid), lt(signingKeys.maxTokenLifetime, seconds)))
      },
    },

    clients: {
      /** @returns false where the name is taken: then nothing was written */
      async insert(client: ClientRow): Promise<boolean> {
        const inserted = await db
          .insert(clients)
          .values(client)
          .onConflictDoNothing()
          .returning({ id: clients.id })
        return inserted.length === 1
      },

      async find(id: string): Promise<ClientRow | undefined> {
        const [row] = await findClient.execute({ id })
        return row
      },

      /** @returns all clients, oldest first */
      async list(): Promise<ClientRow[]> {
        return await db.select().from(clients).orderBy(asc(clients.createdAt))
      },

      /** @returns false where there was none */
      async delete(id: string): Promise<boolean> {
        const deleted = await db.delete(clients).where(eq(clients.id, id)).returning({ id: clients.id })
        return deleted.length === 1
      },
    },
  }
}

/** The queries of an opened database. */
export type Repositories = ReturnType<typeof createRepositories>
