import type { ClientBase } from 'pg'
import type { ServerSettings } from '../server-settings.ts'

/** Properties of the connections to a server. */
export interface Session {
  /** Whether prepared statements are kept. A pooler may use another connection for each transaction. */
  keepsStatements: boolean
  /** Whether a commit is on the disk when it returns. */
  isDurable: boolean
}

/**
 * Configures a new connection, in one round trip. A pooler reports a process id of its own. Then nothing is set, since
 * the pooler may give the connection to another client.
 *
 * @param settings undefined for a host app's connection, which is left unchanged
 */
export async function startSession(client: ClientBase, settings?: ServerSettings): Promise<Session> {
  const { processID } = client as { processID?: number | null }
  const wanted = settings
    ? {
        statement_timeout: `${settings.databaseStatementTimeoutMs}`,
        lock_timeout: `${settings.databaseLockTimeoutMs}`,
        // So that a transaction whose process has stalled does not keep its locks.
        idle_in_transaction_session_timeout: `${settings.databaseStatementTimeoutMs}`,
        datestyle: 'ISO',
        // A prepared statement keeps its plan until the table is analyzed. A plan for a small table, which reads all of
        // it, would make every check slow when the table has just been filled.
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
