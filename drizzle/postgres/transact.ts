import type { Pool } from 'pg'
import type { Statement, Steps, Transact } from '../transactions.ts'
import { asSharedDatabase } from './dialect.ts'
import { withClient } from './with-client.ts'

/** Runs each transaction on a connection of the pool. */
export function createPostgresTransact(pool: Pool): Transact {
  return (steps) =>
    withClient(pool, async (client) => {
      await client.query('begin')
      const result = await runSteps(steps(asSharedDatabase(client)))
      const { command } = await client.query('commit')
      // The commit of a failed transaction is no error, but a rollback.
      if (command !== 'COMMIT') throw new Error('the transaction was rolled back')
      return result
    })
}

async function runSteps<T>(steps: Steps<T>): Promise<T> {
  let step: IteratorResult<Statement, T> = steps.next([])
  while (!step.done) step = steps.next(await (step.value as unknown as PromiseLike<unknown[]>))
  return step.value
}
