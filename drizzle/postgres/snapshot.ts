import type { Pool } from 'pg'
import type { SnapshotTransaction } from '../bulk/snapshot.ts'
import { asSharedDatabase } from './dialect.ts'

/** Without timeouts, which are set for this transaction only, for poolers. Its first query takes the snapshot. */
const BEGIN = `
  begin isolation level repeatable read read only;
  set local statement_timeout = 0;
  set local idle_in_transaction_session_timeout = 0;
  select 1;
`

/** Opens a transaction (https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ). */
export async function openPostgresSnapshot(pool: Pool): Promise<SnapshotTransaction> {
  const client = await pool.connect()
  // If the connection is lost, the running statement fails too. Without a listener, this event would end the process.
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
