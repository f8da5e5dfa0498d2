import type { Pool, PoolClient } from 'pg'
import { withClient } from './with-client.ts'

/**
 * A host app's pool, without the connections that it has released inside a transaction, as after an error before the
 * commit. On such a connection Postern's writes would be undone together with the host's, and its reads might be old.
 * They are closed, and the server rolls back the transaction.
 */
export function withoutOpenTransactions(pool: Pool): Pool {
  async function connect(): Promise<PoolClient> {
    for (;;) {
      const client = await pool.connect()
      if (!isInTransaction(client)) return client
      client.release(true)
    }
  }

  const clean: Pool = Object.create(pool, {
    connect: { value: connect },
    query: {
      value: (...parameters: Parameters<PoolClient['query']>) =>
        withClient(clean, (client) => client.query(...parameters) as unknown as Promise<unknown>),
    },
  })
  return clean
}

/** A host app may have a version of pg that cannot tell. */
function isInTransaction(client: Partial<Pick<PoolClient, 'getTransactionStatus'>>): boolean {
  const status = client.getTransactionStatus?.()
  return status === 'T' || status === 'E'
}
