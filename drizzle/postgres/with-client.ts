import type { Pool, PoolClient } from 'pg'

/**
 * Lends a connection of a pool for as long as an action takes. Where that fails, the connection's state is in doubt: it is not used
 * again, and the server rolls back what was begun on it.
 */
export async function withClient<T>(pool: Pool, action: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  // The statement under way says it too when the connection is lost; unheard, this event would end the process.
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
