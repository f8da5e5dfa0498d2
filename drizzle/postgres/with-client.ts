import type { Pool, PoolClient } from 'pg'

/**
 * Runs an action on a connection of the pool. If it fails, the connection's state is unknown, so the connection is
 * closed, and the server rolls back its transaction.
 */
export async function withClient<T>(pool: Pool, action: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  // If the connection is lost, the running statement fails too. Without a listener, this event would end the process.
  client.on('error', ignore)
  try {
    const result = await action(client)
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw error
  } finally {
    client.off('error', ignore)
  }
}

function ignore(): void {}
