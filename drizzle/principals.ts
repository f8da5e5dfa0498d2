import { eq, sql } from './orm.ts'
import type { SqliteDatabase } from './sqlite/client.ts'
import type { Tables } from './sqlite/schema.ts'
import type { PrincipalRow } from './types.ts'

/** Where the answer about one token goes, and stays for as long as it is proven to be the database's present state. */
export interface PrincipalSlot {
  readonly userId: string
  readonly jti: string
  readonly kid: string
  /** What the database says; undefined where there is no such account. Only what `load` has just put here counts. */
  row: PrincipalRow | undefined
  /** The state of the database that `row` was read from; null before the first time. */
  state: object | null
}

/** Reads what a check of a token needs. */
export interface PrincipalReader {
  /** Brings each slot's `row` up to the database's state at some moment after the call, all of them by one look. */
  load(slots: readonly PrincipalSlot[]): Promise<void> | undefined
}

/** The one read behind a check: the account, whether the token is revoked, and until when its key counts. */
export function selectPrincipal(db: SqliteDatabase, { users, blacklistedTokens, signingKeys }: Tables) {
  return db
    .select({
      id: users.id,
      email: users.email,
      name: users.name,
      createdAt: users.createdAt,
      disabledAt: users.disabledAt,
      tokenVersion: users.tokenVersion,
      blacklistedJti: blacklistedTokens.jti,
      kid: signingKeys.kid,
      keyRetiresAt: signingKeys.retiresAt,
    })
    .from(users)
    .leftJoin(blacklistedTokens, eq(blacklistedTokens.jti, sql.placeholder('jti')))
    .leftJoin(signingKeys, eq(signingKeys.kid, sql.placeholder('kid')))
    .where(eq(users.id, sql.placeholder('userId')))
    .limit(1)
    .prepare()
}
