import { createHmac, hkdfSync } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { createLocalRateLimiter, type RateLimiter, type RateLimiterSettings } from '../../drizzle/index.ts'
import type { ActionContext, Settings } from '../postern.ts'
import type { Problem } from '../problem/codes.ts'
import { type RateLimitName, rateLimitFields } from './fields.ts'
import type { ThrottlingHooks } from './hooks.ts'

/** A point of a limit that an action costs. */
export interface Charge {
  limit: RateLimitName
  limiter: RateLimiter
  /** A digest of the client, the user, or both. */
  key: string
}

/** The origin of an action that is limited. */
export interface Actor extends ActionContext {
  /** The path of the endpoint that the action belongs to. */
  endpoint: string
  /** The network that is treated as one client, where it is known. */
  network: string | undefined
  /** The e-mail in the request. */
  email?: string
  userId?: string | null
}

/** How many points a limit has, and for how long. */
export type Window = Omit<RateLimiterSettings, 'keyPrefix'>

/** Keeps actions within limits. */
export interface Limits {
  /**
   * Creates a limit.
   *
   * @returns creates a charge for the client or user that its parameters name
   */
  create(name: RateLimitName, window: Window): (...identity: string[]) => Charge
  /**
   * Spends one point for each charge, or none at all.
   *
   * @throws the problem `too_many_requests` if a limit is reached
   */
  spend(charges: Charge[], actor: Actor): Promise<void>
  giveBack(charges: Charge[]): Promise<void>
  /** Awaits changes of points. The decision was made before and does not depend on them, so this never throws. */
  settle(changes: Promise<void>[]): Promise<void>
  /** @throws the problem `too_many_requests` if this process knows that a limit is reached. Spends nothing. */
  check(charges: Charge[], actor: Actor): Promise<void>
}

/** Seconds in which a repeated refusal is reported once. */
const REPORT_INTERVAL = 60

export function createLimits(app: FastifyInstance, { secretKey }: Pick<Settings, 'secretKey'>): Limits {
  const { audit, clientAddress, database, metrics } = app
  const { tell } = app.hooks.of<ThrottlingHooks>()
  const throttled = metrics.counter({
    name: 'throttled_total',
    help: 'Requests refused by throttling.',
    labelNames: ['endpoint', 'limit'],
  })
  const reports = createLocalRateLimiter({ keyPrefix: 'reports', points: 1, duration: REPORT_INTERVAL })
  // Keyed: otherwise a reader of the database could find out the addresses by trying all of them.
  const digestKey = Buffer.from(hkdfSync('sha256', secretKey, '', 'postern rate-limit keys v1', 32))
  const digest = (identity: string[]) =>
    createHmac('sha256', digestKey).update(JSON.stringify(identity)).digest('base64url')

  /** The one place where a request is refused for a limit, and where that is counted and reported. */
  async function refuse({ limit, limiter, key }: Charge, wait: number, actor: Actor): Promise<Problem> {
    const { endpoint, network, email = null, userId = null, ...context } = actor
    throttled.inc({ endpoint, limit })
    if ((await reports.consume(`${limit}:${key}`)) === 0) {
      await audit.record('excess_rate_limit_exceeded', { reason: limit, userId, ...context })
      tell('onThrottled', { limit, email, userId, ...context })
      if (network !== undefined && limit !== 'login_failures_per_account') clientAddress.warnIfShared(network)
    }
    return app.problem('too_many_requests', {
      detail: `Try again in ${Math.ceil(wait / 1000)} seconds`,
      headers: rateLimitFields(limit, limiter, wait),
    })
  }

  async function check(charges: Charge[], actor: Actor): Promise<void> {
    for (const charge of charges) {
      const wait = charge.limiter.recall(charge.key)
      if (wait > 0) throw await refuse(charge, wait, actor)
    }
  }

  async function settle(changes: Promise<void>[]): Promise<void> {
    try {
      await Promise.all(changes)
    } catch (error) {
      app.log.warn({ code: (error as Error).name }, 'the count of a rate limit could not be changed')
    }
  }

  const giveBack = (charges: Charge[]) => settle(charges.map(({ limiter, key }) => limiter.reward(key)))

  return {
    create(name, window) {
      const limiter = database.createRateLimiter({ keyPrefix: name, ...window })
      return (...identity) => ({ limit: name, limiter, key: digest(identity) })
    },

    async spend(charges, actor) {
      await check(charges, actor)
      const spent: Charge[] = []
      for (const charge of charges) {
        const wait = await charge.limiter.consume(charge.key)
        if (wait > 0) {
          await giveBack(spent)
          throw await refuse(charge, wait, actor)
        }
        spent.push(charge)
      }
    },

    check,
    giveBack,
    settle,
  }
}
