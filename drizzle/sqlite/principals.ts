import { eq, type SqliteDatabase, sql } from '../drizzle-orm.ts'
import type { PrincipalReader } from '../principals.ts'
import type { Tables } from './schema.ts'

/**
 * Reads a row once, and after that only checks that nothing has changed since. `data_version` changes with every commit
 * of every other connection (https://sqlite.org/pragma.html#pragma_data_version), and `total_changes` with every write
 * on this one. Both are read at each `load`, so a row is never out of date.
 */
export function createSqlitePrincipalReader(db: SqliteDatabase, tables: Tables): PrincipalReader {
  const handle = db.$client
  const find = selectPrincipal(db, tables)
  const dataVersion = handle.prepare<[], number>('pragma data_version').pluck()
  const totalChanges = handle.prepare<[], number>('select total_changes()').pluck()
  let version: number | undefined
  let changes: number | undefined
  let state = {}

  return {
    load(slots) {
      const versionNow = dataVersion.get()
      const changesNow = totalChanges.get()
      if (versionNow !== version || changesNow !== changes) {
        state = {}
        version = versionNow
        // A host app's open transaction may be rolled back, and neither number would change.
        changes = handle.inTransaction ? undefined : changesNow
      }
      for (const slot of slots) {
        if (slot.state === state) continue
        slot.row = find.get({ userId: slot.userId, jti: slot.jti, kid: slot.kid })
        slot.state = state
      }
      return undefined
    },
  }
}

/** Prepares the query behind a check: the user, whether the token is revoked, and until when its key is valid. */
function selectPrincipal(db: SqliteDatabase, { users, blacklistedTokens, signingKeys }: Tables) {
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
