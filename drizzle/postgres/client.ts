import type { Pool as PgPool, PoolConfig } from 'pg'
import type { Connection } from '../connection.ts'
import type { ServerSettings } from '../server-settings.ts'
import { createPostgresBulkInsert } from './bulk.ts'
import { postgresClock } from './clock.ts'
import { asSharedDatabase, createSharedTables } from './dialect.ts'
import { isPostgresUnavailable, ReadOnlyServerError } from './errors.ts'
import { withoutOpenTransactions } from './host-pool.ts'
import { migratePostgres } from './migrate.ts'
import { pg } from './orm.ts'
import { createPostgresPrincipalReader } from './principals.ts'
import { createPostgresRateLimits } from './rate-limits.ts'
import { createPostgresTables, createRateLimitsTable } from './schema.ts'
import { type Session, startSession } from './session.ts'
import { openPostgresSnapshot } from './snapshot.ts'
import { createPostgresTransact } from './transact.ts'
import { withClient } from './with-client.ts'

/** Milliseconds beyond the statement timeout within which the server must report it. */
const ANSWER_MARGIN = 500

/** Milliseconds without traffic before TCP keep-alive probes start. */
const KEEP_ALIVE_DELAY = 10_000

/**
 * Connects to a server, and brings the tables up to date.
 *
 * @param url like `postgres://user:password@host:5432/database`
 * @throws NewerDatabaseError
 */
export async function connectPostgres(url: string, settings: ServerSettings): Promise<Connection> {
  const { databaseSchema: schema } = settings
  const config: PoolConfig = {
    connectionString: url,
    connectionTimeoutMillis: settings.databaseConnectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY,
    // For a server that no longer answers, and so enforces no timeout.
    query_timeout: settings.databaseStatementTimeoutMs + ANSWER_MARGIN,
    fallback_application_name: 'postern',
  }
  await migrateSeparately(config, schema)

  const session: Session = { keepsStatements: false, isDurable: false }
  const pool = new pg.Pool({
    ...config,
    max: settings.databasePoolSize,
    // So that a process whose start failed can end.
    allowExitOnIdle: true,
    onConnect: async (client) => {
      Object.assign(session, await startSession(client, settings))
    },
  })
  // An idle connection was lost. The pool replaces it when one is needed.
  pool.on('error', () => {})
  try {
    // The first connection fills in the session.
    await ping(pool)
  } catch (error) {
    await pool.end()
    throw error
  }
  return createConnection(pool, schema, session, () => pool.end())
}

/** Uses a connection of its own, since a migration may take longer than the pool's timeouts allow. */
async function migrateSeparately(config: PoolConfig, schema: string): Promise<void> {
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
 * Runs the queries on a host app's pool, which stays as it is configured and is not closed.
 *
 * @param hostPool a `Pool` of `pg`
 */
export async function wrapPostgres(hostPool: PgPool, schema: string): Promise<Connection> {
  const pool = withoutOpenTransactions(hostPool)
  const session = await withClient(pool, (client) => startSession(client))
  return createConnection(pool, schema, session, async () => {})
}

/** Brings the tables in a host app's database up to date. */
export async function migrateHostPostgres(pool: PgPool, schema: string): Promise<void> {
  await withClient(withoutOpenTransactions(pool), (client) => migratePostgres(client, schema))
}

function createConnection(
  pool: PgPool,
  schema: string,
  session: Session,
  close: () => Promise<void>,
): Connection {
  const tables = createPostgresTables(schema)
  const sharedTables = createSharedTables(schema)
  return {
    db: asSharedDatabase(pool),
    tables: sharedTables,
    transact: createPostgresTransact(pool),
    clock: postgresClock,
    bulkInsert: createPostgresBulkInsert(sharedTables),
    openSnapshot: () => openPostgresSnapshot(pool),
    principals: createPostgresPrincipalReader(pool, tables, session),
    rateLimits: createPostgresRateLimits(pool, createRateLimitsTable(schema), session),
    ping: () => ping(pool),
    get isDurable() {
      return session.isDurable
    },
    isUnavailable: isPostgresUnavailable,
    close,
    pool: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  }
}

async function ping(pool: PgPool): Promise<void> {
  const { rows } = await pool.query(`select current_setting('transaction_read_only') as "readOnly"`)
  if (rows[0]?.readOnly !== 'off') throw new ReadOnlyServerError()
}
