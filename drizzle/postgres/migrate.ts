import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ClientBase } from 'pg'
import { pendingMigrations, type SchemaState, schemaState } from '../migrations.ts'

const MIGRATIONS_FOLDER = fileURLToPath(new URL('migrations', import.meta.url))

/** The book of what has been applied, in the same schema as the tables. */
const BOOK = 'postern_migrations'

/** Any number, as long as every Postern takes the same lock. */
const ADVISORY_LOCK = 0x706f_7374

/**
 * How long a step waits, in milliseconds, for the statements of running instances to be over. Theirs wait behind it meanwhile, so
 * it gives up rather than hold them up.
 */
const LOCK_TIMEOUT = 5000

/** Milliseconds between two attempts to be the one that does it. */
const LOCK_INTERVAL = 100

/** A step takes as long as it takes: in milliseconds, what a timer can measure. */
const UNLIMITED = 2 ** 31 - 1

/**
 * Applies what is missing, in one transaction. However many instances start at once, one of them does it and the others wait. The lock
 * ends with the transaction, so that it also holds behind a pooler which hands out connections by the transaction.
 *
 * @param client not to be used again where this fails
 * @param schema made where there is none
 * @throws NewerDatabaseError
 */
export async function migratePostgres(client: ClientBase, schema: string): Promise<void> {
  // Each statement sees what whoever had the lock before has done.
  await client.query('begin isolation level read committed')
  await client.query('set local statement_timeout = 0')
  // Whoever has the lock and stands still lets go of it.
  await client.query(`set local idle_in_transaction_session_timeout = '1min'`)
  await lock(client)
  await client.query(`set local lock_timeout = ${LOCK_TIMEOUT}`)
  await createSchema(client, schema)
  await client.query(`select set_config('search_path', quote_ident($1), true)`, [schema])
  const steps = pendingMigrations(MIGRATIONS_FOLDER, await appliedMigrations(client, schema))
  if (steps.length > 0) {
    await client.query(
      `create table if not exists ${BOOK} (created_at bigint primary key, hash text not null, applied_at timestamptz not null default now())`,
    )
  }
  for (const { createdAt, hash, statements } of steps) {
    for (const text of statements) {
      const statement = { text, query_timeout: UNLIMITED }
      await client.query(statement)
    }
    await client.query(`insert into ${BOOK} (created_at, hash) values ($1, $2)`, [createdAt, hash])
  }
  await client.query('commit')
}

/** Asks again and again rather than wait at the server's, so that one which no longer answers is noticed. */
async function lock(client: ClientBase): Promise<void> {
  for (;;) {
    const { rows } = await client.query('select pg_try_advisory_xact_lock($1) as locked', [ADVISORY_LOCK])
    if (rows[0]?.locked) return
    await setTimeout(LOCK_INTERVAL)
  }
}

/** Asks first: `if not exists` demands the right to make one even where there is one. */
async function createSchema(client: ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query('select 1 from pg_namespace where nspname = $1', [schema])
  if (rows.length === 0) await client.query(`create schema ${client.escapeIdentifier(schema)}`)
}

/** How the tables in a schema stand to this version. The schema must be in the search path. */
export async function postgresSchemaState(client: ClientBase, schema: string): Promise<SchemaState> {
  return schemaState(MIGRATIONS_FOLDER, await appliedMigrations(client, schema))
}

async function appliedMigrations(client: ClientBase, schema: string): Promise<number[]> {
  const made = await client.query('select 1 from pg_tables where schemaname = $1 and tablename = $2', [
    schema,
    BOOK,
  ])
  if (made.rows.length === 0) return []
  const { rows } = await client.query<{ created_at: string }>(`select created_at from ${BOOK}`)
  return rows.map((row) => Number(row.created_at))
}
