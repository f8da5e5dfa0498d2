import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Milliseconds from the end of one round to the start of the next. */
const INTERVAL = 60_000
/** Milliseconds between two steps of a round. */
const PAUSE = 50
/** Rows that one step deletes: a few milliseconds of work, so that no request notices it. */
const BATCH = 200
/** Milliseconds that a row outlives its token, so that a clock set back does not bring a revoked token to life. */
const MARGIN = 3_600_000

/** Deletes the rows of expired tokens from `blacklisted_tokens`, in small steps. */
async function pruning(app: FastifyInstance): Promise<void> {
  let timer: NodeJS.Timeout

  async function step(): Promise<void> {
    let pause = INTERVAL
    try {
      const expiredBefore = new Date(Date.now() - MARGIN)
      const deleted = await app.database.blacklistedTokens.prune(expiredBefore, BATCH)
      if (deleted === BATCH) pause = PAUSE
    } catch (error) {
      app.log.warn({ code: (error as Error).name }, 'expired tokens could not be pruned; trying again later')
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
