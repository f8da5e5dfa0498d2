import type { ClientBase, Pool as PgPool, PoolConfig } from 'pg'
import type { Connection } from '../connection.ts'
import type { SqliteDatabase } from '../sqlite/client.ts'
import type { Tables } from '../sqlite/schema.ts'
import { isPostgresUnavailable } from './errors.ts'
import { migratePostgres } from './migrate.ts'
import { drizzle, pg } from './orm.ts'
import { createPostgresPrincipalReader } from './principals.ts'
import { createPostgresTables, type PostgresTables } from './schema.ts'
import { type Session, startSession } from './session.ts'

/** How a server is talked to. Times are in milliseconds. */
export interface ServerSettings {
  /** The PostgreSQL schema of the tables. */
  schema: string
  /** Connections at most. */
  poolSize: number
  /** How long it may take to get a connection. */
  connectTimeout: number
  /** How long a statement may take. */
  statementTimeout: number
  /** How long a statement may wait for a lock. */
  lockTimeout: number
}

/** Milliseconds that the server has, beyond the statement's own time, to say that the time is over. */
const ANSWER_MARGIN = 500

/**
 * Connects to a server, and brings the tables up to date.
 *
 * @param url as in `postgres://user:password@host:5432/database`
 * @throws NewerDatabaseError
 */
export async function connectPostgres(url: string, settings: ServerSettings): Promise<Connection> {
  const { schema, poolSize, connectTimeout, statementTimeout } = settings
  const config: PoolConfig = {
    connectionString: url,
    connectionTimeoutMillis: connectTimeout,
    keepAlive: true,
    fallback_application_name: 'postern',
  }
  await migrateApart(config, schema)

  const session: Session = { keepsStatements: true, isDurable: true }
  const pool = new pg.Pool({
    ...config,
    max: poolSize,
    // A server that no longer answers does not end a statement either.
    query_timeout: statementTimeout + ANSWER_MARGIN,
    onConnect: async (client) => {
      Object.assign(session, await startSession(client, settings))
    },
  })
  // Of a connection that nobody uses at the moment; whoever needs one next gets another.
  pool.on('error', () => {})
  return makeConnection(pool, schema, session, () => pool.end())
}

/** A connection of its own, since a step may take longer than any statement later on. */
async function migrateApart(config: PoolConfig, schema: string): Promise<void> {
  const client = new pg.Client(config)
  client.on('error', () => {})
  await client.connect()
  try {
    await migratePostgres(client, schema)
  } finally {
    await client.end()
  }
}

/**
 * Puts the queries on a host's pool, which stays the host's: how it is configured, and when it is closed.
 *
 * @param pool made by `pg`
 */
export async function wrapPostgres(pool: PgPool, schema: string): Promise<Connection> {
  const session = await withClient(pool, (client) => startSession(client))
  return makeConnection(pool, schema, session, async () => {})
}

/** Brings the tables in a host's database up to date. */
export async function migrateHostPostgres(pool: PgPool, schema: string): Promise<void> {
  await withClient(pool, (client) => migratePostgres(client, schema))
}

async function withClient<T>(pool: PgPool, action: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await action(client)
  } finally {
    client.release()
  }
}

function makeConnection(
  pool: PgPool,
  schema: string,
  session: Session,
  close: () => Promise<void>,
): Connection {
  const tables = createPostgresTables(schema)
  return {
    // The one cast: what follows uses only the calls that both dialects share, and rows of equal types.
    db: drizzle(pool) as unknown as SqliteDatabase,
    tables: tables as unknown as Tables,
    principals: createPostgresPrincipalReader(pool, tables, session),
    ping: async () => void (await pool.query('select 1')),
    get isDurable() {
      return session.isDurable
    },
    isUnavailable: isPostgresUnavailable,
    close,
    pool: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  }
}

type Same<A, B> = [A, B] extends [B, A] ? true : false

type RowsAreTheSame<Name extends keyof Tables & keyof PostgresTables> = [
  Same<Tables[Name]['$inferSelect'], PostgresTables[Name]['$inferSelect']>,
  Same<Tables[Name]['$inferInsert'], PostgresTables[Name]['$inferInsert']>,
]

/** Holds the cast true: it does not compile where a table, a column or its type differs between the two dialects. */
export const dialectsAgree: Record<keyof PostgresTables, true> & {
  [Name in keyof Tables]: RowsAreTheSame<Name> extends [true, true] ? true : never
} = { users: true, blacklistedTokens: true, signingKeys: true, clients: true }
