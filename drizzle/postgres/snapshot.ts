import type { Pool } from 'pg'
import type { SnapshotTransaction } from '../bulk/snapshot.ts'
import { asSharedDatabase } from './dialect.ts'

/**
 * As long as whoever reads takes, and also behind a pooler, where nothing may be set beyond the transaction. The moment that is seen is
 * that of the first query.
 */
const BEGIN = `
  begin isolation level repeatable read read only;
  set local statement_timeout = 0;
  set local idle_in_transaction_session_timeout = 0;
  select 1;
`

/** Reads on a connection of its own (https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ). */
export async function openPostgresSnapshot(pool: Pool): Promise<SnapshotTransaction> {
  const client = await pool.connect()
  // The statement under way says it too when the connection is lost; unheard, this event would end the process.
  client.on('error', () => {})
  const close = async () => client.release(true)
  try {
    await client.query(BEGIN)
  } catch (error) {
    await close()
    throw error
  }
  return { db: asSharedDatabase(client), close }
}
