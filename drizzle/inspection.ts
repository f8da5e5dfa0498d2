import { desc, type SqliteDatabase } from './drizzle-orm.ts'
import type { SchemaState } from './migrations.ts'
import type { Tables } from './sqlite/schema.ts'
import type { SigningKeyRow } from './types.ts'

/** What an operator is to know of a database, found out without changing anything, its tables included. */
export interface Inspection {
  schema: SchemaState
  /** Why Postern could not write; undefined where it could. */
  writeFault: string | undefined
  /** Undefined where there is no such table yet. */
  signingKeys: SigningKeyRow[] | undefined
  /** The latest moment at which an account, a key or an event was recorded. */
  latest: Date | undefined
}

/** What only a SQLite file has. */
export interface SqliteInspection extends Inspection {
  journalMode: string
  /** What is damaged; at most three things. */
  damage: string[]
}

/** What only a server has. */
export interface PostgresInspection extends Inspection {
  /** Its name and version. */
  server: string
  encoding: string
  /** Milliseconds that the server's clock is ahead of ours, and by how much that may be wrong. */
  clockOffset: number
  clockUncertainty: number
  /** Whether we talk to the server itself, and not to a pooler. */
  isDirect: boolean
  isEncrypted: boolean
  synchronousCommit: string
  /** Whether it survives its own crash. */
  fsync: boolean
  fullPageWrites: boolean
  /** Connections that a role such as ours may have, all instances together. */
  connectionLimit: number
  /** Connections of Postern's at present, ours aside; undefined where that is not known. */
  connections: number
}

/** @param db which has tables of this version or of another */
export async function inspectRows(
  db: SqliteDatabase,
  { users, signingKeys, auditEvents }: Tables,
): Promise<Pick<Inspection, 'signingKeys' | 'latest'>> {
  const keys = await db.select().from(signingKeys)
  const moments = [
    keys.map(({ createdAt }) => createdAt),
    // Ids are in the order of time, and have an index.
    (await db.select({ at: users.createdAt }).from(users).orderBy(desc(users.id)).limit(1)).map(
      ({ at }) => at,
    ),
    (
      await db
        .select({ at: auditEvents.createdAt })
        .from(auditEvents)
        .orderBy(desc(auditEvents.createdAt))
        .limit(1)
    ).map(({ at }) => at),
  ].flat()
  const latest = Math.max(...moments.map((moment) => moment.getTime()))
  return { signingKeys: keys, latest: moments.length > 0 ? new Date(latest) : undefined }
}
