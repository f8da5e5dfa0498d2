import type { ClientBase } from 'pg'
import type { ServerSettings } from '../server-settings.ts'

/** What is true of the connections to a server. */
export interface Session {
  /**
   * Whether a prepared statement is still there when the connection is used again. Behind a pooler it may be another connection
   * of the server by then.
   */
  keepsStatements: boolean
  /** Whether a commit is on the disk when it returns. */
  isDurable: boolean
}

/**
 * Sets a new connection up, in one round trip. A pooler answers with a process id of its own making: then nothing is set, since it
 * would be set for whoever gets that connection next.
 *
 * @param settings undefined for a host's connection, which is left as it is
 */
export async function startSession(client: ClientBase, settings?: ServerSettings): Promise<Session> {
  const { processID } = client as { processID?: number | null }
  const wanted = settings
    ? {
        statement_timeout: `${settings.databaseStatementTimeoutMs}`,
        lock_timeout: `${settings.databaseLockTimeoutMs}`,
        // Another transaction of ours that has lost its process must not keep its locks.
        idle_in_transaction_session_timeout: `${settings.databaseStatementTimeoutMs}`,
        datestyle: 'ISO',
        // The plan of a kept statement is made while a table is small and used until the server has counted again: it must be by the
        // index from the beginning, or every check reads the whole of a table that has just been filled.
        enable_seqscan: 'off',
      }
    : {}
  const { rows } = await client.query<{ direct: boolean; durable: boolean }>(
    `select pg_backend_pid() = $1 as direct,
       case when pg_backend_pid() = $1 then (select count(set_config(key, value, false)) from json_each_text($2)) end,
       case when pg_backend_pid() = $1 and $3 and current_setting('synchronous_commit') = 'off'
         then set_config('synchronous_commit', 'on', false)
         else current_setting('synchronous_commit') end <> 'off' as durable`,
    [processID ?? 0, JSON.stringify(wanted), settings !== undefined],
  )
  return { keepsStatements: rows[0]?.direct === true, isDurable: rows[0]?.durable === true }
}
