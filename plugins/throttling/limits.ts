import { createHmac, hkdfSync } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createLocalRateLimiter, type RateLimiter } from '../../drizzle/index.ts'
import type { ActionContext } from '../hooks/events.ts'
import type { Problem } from '../problem/codes.ts'
import { type RateLimitName, rateLimitFields } from './fields.ts'

/** A point of a limit that an action costs. */
export interface Charge {
  limit: RateLimitName
  limiter: RateLimiter
  /** Whose point: a digest. */
  key: string
}

/** Who does something that is limited. */
export interface Actor extends ActionContext {
  /** The path of the endpoint that it belongs to. */
  endpoint: string
  /** The network that counts as one client, where it is known. */
  network: string | undefined
  /** The e-mail that was given, where one was. */
  email?: string
  userId?: string | null
}

/** Keeps actions within limits. */
export interface RateLimits {
  /**
   * Makes a limit.
   *
   * @param duration how many seconds a count lasts, from its first point on
   * @returns makes a charge of it, to whomever the parameters name
   */
  make(name: RateLimitName, points: number, duration: number): (...identity: string[]) => Charge
  /**
   * Takes a point for each charge, or none at all.
   *
   * @throws the problem `too_many_requests` where a limit is reached
   */
  spend(charges: Charge[], actor: Actor): Promise<void>
  giveBack(charges: Charge[]): Promise<void>
  /** Waits for changes of counts. They come after the decision, which does not depend on them, so this does not fail. */
  settle(changes: Promise<void>[]): Promise<void>
  /** @throws the problem `too_many_requests` where a limit is known to be reached; takes nothing, and asks nobody */
  check(charges: Charge[], actor: Actor): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    rateLimits: RateLimits
  }
}

/** Seconds in which one reason to refuse the same is told once: what a flood says a thousand times a second is no news. */
const NEWS_INTERVAL = 60

interface RateLimitsOptions {
  /** The setting SECRET_KEY. */
  secretKey: string
}

async function rateLimits(app: FastifyInstance, { secretKey }: RateLimitsOptions): Promise<void> {
  const { audit, clientAddress, counters, database, hookRunner } = app
  const news = createLocalRateLimiter({ keyPrefix: 'news', points: 1, duration: NEWS_INTERVAL })
  // Keyed, since whoever read the counts could try every address there is.
  const digestKey = Buffer.from(hkdfSync('sha256', secretKey, '', 'postern rate-limit keys v1', 32))
  const digest = (identity: string[]) =>
    createHmac('sha256', digestKey).update(JSON.stringify(identity)).digest('base64url')

  /** Where it is decided that a request is sent away: whoever wants to know of that is told here. */
  async function refuse({ limit, limiter, key }: Charge, wait: number, actor: Actor): Promise<Problem> {
    const { endpoint, network, email = null, userId = null, ...context } = actor
    counters.countThrottled(endpoint, limit)
    if ((await news.consume(`${limit}:${key}`)) === 0) {
      await audit.record('excess_rate_limit_exceeded', { reason: limit, userId, ...context })
      hookRunner.tell('onThrottled', { limit, email, userId, ...context })
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

  app.decorate('rateLimits', {
    make(name, points, duration) {
      const limiter = database.createRateLimiter({ keyPrefix: name, points, duration })
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
  })
}

export default fp(rateLimits, {
  name: 'postern-rate-limits',
  dependencies: [
    'postern-errors',
    'postern-audit',
    'postern-client-address',
    'postern-counters',
    'postern-database',
    'postern-hooks',
  ],
})
