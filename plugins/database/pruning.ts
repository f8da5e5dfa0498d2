import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Database } from '../../drizzle/index.ts'
import type { Settings } from '../postern.ts'

/** Milliseconds from the end of one round to the start of the next. */
const INTERVAL = 60_000
/** Milliseconds between two steps of a round. */
const PAUSE = 50
/** How many rows of each table one step deletes: a few milliseconds of work, so that no request is delayed. */
const BATCH = 200
const DAY = 86_400_000
/** Milliseconds that a revocation outlives its token, for instances whose clock is behind or is set back. */
const MARGIN = DAY
/** Milliseconds that a key stays on record after its end, so that an operator finds it in the list. */
const ENDED_KEYS_KEPT = 30 * DAY

/** How many rows were deleted. */
export interface Pruned {
  tokens: number
  auditEvents: number
  rateLimits: number
  knownAddresses: number
  signingKeys: number
}

/**
 * Deletes some rows that have expired: tokens in `blacklisted_tokens`, old rows in `audit_events`, `rate_limits` and
 * `known_addresses`, and keys that ended long ago.
 *
 * @param limit the most rows to delete from each table; there are few keys
 */
export async function prune(
  database: Pick<
    Database,
    'blacklistedTokens' | 'auditEvents' | 'knownAddresses' | 'pruneRateLimits' | 'signingKeys'
  >,
  { auditRetentionDays }: Pick<Settings, 'auditRetentionDays'>,
  limit: number,
): Promise<Pruned> {
  return {
    tokens: await database.blacklistedTokens.prune(MARGIN, limit),
    auditEvents: await database.auditEvents.prune(auditRetentionDays * DAY, limit),
    rateLimits: await database.pruneRateLimits(limit),
    knownAddresses: await database.knownAddresses.prune(0, limit),
    signingKeys: await database.signingKeys.deleteEnded(ENDED_KEYS_KEPT),
  }
}

/** Deletes expired rows while the app runs, in small steps. */
async function pruning(app: FastifyInstance, settings: Pick<Settings, 'auditRetentionDays'>): Promise<void> {
  let timer: NodeJS.Timeout

  async function step(): Promise<void> {
    let pause = INTERVAL
    try {
      const pruned = await prune(app.database, settings, BATCH)
      if (Object.values(pruned).includes(BATCH)) pause = PAUSE
    } catch (error) {
      app.log.warn({ code: (error as Error).name }, 'expired rows could not be pruned; trying again later')
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
