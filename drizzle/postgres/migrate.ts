import { fileURLToPath } from 'node:url'
import type { ClientBase } from 'pg'
import { pendingMigrations } from '../migrations.ts'

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

/**
 * Applies what is missing, in one transaction. However many instances start at once, one of them does it and the others wait. The lock
 * ends with the transaction, so that it also holds behind a pooler which hands out connections by the transaction.
 *
 * @param schema made where there is none
 * @throws NewerDatabaseError
 */
export async function migratePostgres(client: ClientBase, schema: string): Promise<void> {
  await client.query('begin')
  try {
    await client.query(`set local statement_timeout = 0`)
    await client.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK])
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
      for (const statement of statements) await client.query(statement)
      await client.query(`insert into ${BOOK} (created_at, hash) values ($1, $2)`, [createdAt, hash])
    }
    await client.query('commit')
  } catch (error) {
    // Where the connection is lost, so is the transaction.
    await client.query('rollback').catch(() => {})
    throw error
  }
}

/** Asks first: `if not exists` demands the right to make one even where there is one. */
async function createSchema(client: ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query('select 1 from pg_namespace where nspname = $1', [schema])
  if (rows.length === 0) await client.query(`create schema ${client.escapeIdentifier(schema)}`)
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
