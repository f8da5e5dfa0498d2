import { desc, type SqliteDatabase, sql } from './drizzle-orm.ts'
import { countHashCosts, type HashCostCount } from './hash-costs.ts'
import type { SchemaState } from './migrations.ts'
import type { Tables } from './sqlite/schema.ts'
import type { SigningKeyRow } from './types.ts'

/** What an operator should know about a database. Finding it out changes nothing. */
export interface Inspection {
  schema: SchemaState
  /** Why Postern could not write; undefined if it could. */
  writeFault: string | undefined
  /** Undefined if the tables do not exist, or are of an older version. */
  signingKeys: SigningKeyRow[] | undefined
  /** The e-mails that have other spellings: with letters beyond ASCII, in ASCII for those, or in quotes. */
  emails: string[]
  /** How many users have hashes of each cost. */
  hashCosts: HashCostCount[]
  /** When the latest user, key or event was recorded. */
  latest: Date | undefined
}

/** What is known of a SQLite file. */
export interface SqliteInspection extends Inspection {
  journalMode: string
  /** What is damaged: at most three findings. */
  damage: string[]
}

/** What is known of a PostgreSQL server. */
export interface PostgresInspection extends Inspection {
  /** The server's name and version. */
  server: string
  encoding: string
  /** How far the server's clock is ahead of ours, and by how much that may be wrong, in milliseconds. */
  clockOffset: number
  clockUncertainty: number
  /** Whether the connection is to the server itself, not to a pooler. */
  isDirect: boolean
  isEncrypted: boolean
  synchronousCommit: string
  /** The setting `fsync`: without it, a crash may destroy the database. */
  fsync: boolean
  fullPageWrites: boolean
  /** How many connections all instances may have together. */
  connectionLimit: number
  /** How many connections Postern has now, besides this one. */
  connections: number
}

/** @param db whose tables have at least the columns of this version */
export async function inspectRows(
  db: SqliteDatabase,
  tables: Tables,
): Promise<Pick<Inspection, 'signingKeys' | 'emails' | 'hashCosts' | 'latest'>> {
  const { users, signingKeys, auditEvents } = tables
  const keys = await db.select().from(signingKeys)
  const moments = [
    keys.map(({ createdAt }) => createdAt),
    // By the id, which is in order of time (UUIDv7) and has an index, unlike `createdAt`.
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
  const hasSpellings = sql`octet_length(${users.email}) <> length(${users.email})
    or ${users.email} like '%xn--%' or ${users.email} like '"%'`
  const spelled = await db.select({ email: users.email }).from(users).where(hasSpellings)
  const emails = spelled.map(({ email }) => email)
  const hashCosts = await countHashCosts(db, tables)
  return { signingKeys: keys, emails, hashCosts, latest: moments.length > 0 ? new Date(latest) : undefined }
}
