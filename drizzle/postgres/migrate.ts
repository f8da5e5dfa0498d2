import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ClientBase } from 'pg'
import { pendingMigrations, type SchemaState, schemaState } from '../migrations.ts'

const MIGRATIONS_FOLDER = fileURLToPath(new URL('migrations', import.meta.url))

/** In the same schema as the other tables. */
const MIGRATIONS_TABLE = 'postern_migrations'

/** An arbitrary number, the same for all instances and versions. */
const ADVISORY_LOCK = 0x706f_7374

/** Milliseconds after which a migration stops waiting for a lock: statements of running instances queue behind it. */
const LOCK_TIMEOUT = 5000

/** Milliseconds between two attempts to get the advisory lock. */
const LOCK_INTERVAL = 100

/** The longest timeout that a timer can have, in milliseconds: a migration takes as long as it takes. */
const UNLIMITED = 2 ** 31 - 1

/**
 * Applies the pending migrations in one transaction. If several instances start at once, one of them migrates and the
 * others wait. The lock is the transaction's, so that it works behind a transaction pooler too.
 *
 * @param client must not be used again if this throws
 * @param schema created if necessary
 * @throws NewerDatabaseError
 */
export async function migratePostgres(client: ClientBase, schema: string): Promise<void> {
  // So that each statement sees what the previous holder of the lock committed.
  await client.query('begin isolation level read committed')
  await client.query('set local statement_timeout = 0')
  // So that a stalled process loses the lock.
  await client.query(`set local idle_in_transaction_session_timeout = '1min'`)
  await lock(client)
  await client.query(`set local lock_timeout = ${LOCK_TIMEOUT}`)
  await createSchema(client, schema)
  await client.query(`select set_config('search_path', quote_ident($1), true)`, [schema])
  const pending = pendingMigrations(MIGRATIONS_FOLDER, await appliedMigrations(client, schema))
  if (pending.length > 0) {
    await client.query(
      `create table if not exists ${MIGRATIONS_TABLE} ` +
        '(created_at bigint primary key, hash text not null, applied_at timestamptz not null default now())',
    )
  }
  for (const { createdAt, hash, statements } of pending) {
    for (const text of statements) {
      const statement = { text, query_timeout: UNLIMITED }
      await client.query(statement)
    }
    await client.query(`insert into ${MIGRATIONS_TABLE} (created_at, hash) values ($1, $2)`, [
      createdAt,
      hash,
    ])
  }
  await client.query('commit')
}

/** Polls with short queries, whose timeouts detect a server that no longer answers. */
async function lock(client: ClientBase): Promise<void> {
  for (;;) {
    const { rows } = await client.query('select pg_try_advisory_xact_lock($1) as locked', [ADVISORY_LOCK])
    if (rows[0]?.locked) return
    await setTimeout(LOCK_INTERVAL)
  }
}

/** Looks first, since `if not exists` needs the privilege to create even if the schema exists. */
async function createSchema(client: ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query('select 1 from pg_namespace where nspname = $1', [schema])
  if (rows.length === 0) await client.query(`create schema ${client.escapeIdentifier(schema)}`)
}

/** The state of a schema's tables. The schema must be in the search path. */
export async function postgresSchemaState(client: ClientBase, schema: string): Promise<SchemaState> {
  return schemaState(MIGRATIONS_FOLDER, await appliedMigrations(client, schema))
}

async function appliedMigrations(client: ClientBase, schema: string): Promise<number[]> {
  const found = await client.query('select 1 from pg_tables where schemaname = $1 and tablename = $2', [
    schema,
    MIGRATIONS_TABLE,
  ])
  if (found.rows.length === 0) return []
  const { rows } = await client.query<{ created_at: string }>(`select created_at from ${MIGRATIONS_TABLE}`)
  return rows.map((row) => Number(row.created_at))
}
