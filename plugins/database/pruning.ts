import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { pruneStep } from '../prune-step.ts'

/** Milliseconds from the end of one round to the start of the next. */
const INTERVAL = 60_000
/** Milliseconds between two steps of a round. */
const PAUSE = 50
/** Rows that one step deletes: a few milliseconds of work, so that no request notices it. */
const BATCH = 200

interface PruningOptions {
  /** Days that an audit event is kept. */
  auditRetentionDays: number
}

/**
 * Deletes the rows of expired tokens from `blacklisted_tokens`, old ones from `audit_events`, and expired ones from `rate_limits`, in
 * small steps.
 */
async function pruning(app: FastifyInstance, { auditRetentionDays }: PruningOptions): Promise<void> {
  let timer: NodeJS.Timeout

  async function step(): Promise<void> {
    let pause = INTERVAL
    try {
      const deleted = await pruneStep(app.database, { auditRetentionDays, limit: BATCH })
      if (Object.values(deleted).includes(BATCH)) pause = PAUSE
    } catch (error) {
      app.log.warn(
        { code: (error as Error).name },
        'what has expired could not be pruned; trying again later',
      )
    }
    schedule(pause)
  }

  function schedule(pause: number): void {
    timer = setTimeout(step, pause).unref()
  }

  app.addHook('onReady', async () => schedule(PAUSE))
  app.addHook('preClose', async () => clearTimeout(timer))
}

export default fp(pruning, { name: 'postern-pruning', dependencies: ['postern-database'] })
