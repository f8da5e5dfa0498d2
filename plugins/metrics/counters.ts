import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { LoginFailure } from '../postern.ts'
import type { Refusal } from '../problem/codes.ts'

/** What has happened since the start, as plain numbers: to raise one costs nothing, and whoever wants them reads them. */
export interface Counters {
  readonly checks: { admitted: number; readonly refused: Record<Refusal, number> }
  readonly logins: Record<'succeeded' | LoginFailure, number>
  /** Tokens revoked one by one. */
  revocations: number
  /** Requests sent away by throttling, by endpoint and limit. */
  readonly throttled: ReadonlyMap<string, ReadonlyMap<string, number>>
  /**
   * Counts a request that throttling has sent away. Both names are the code's, never a client's: each pair is kept for good.
   *
   * @param endpoint a route's path, as in `/login`
   * @param limit which limit it was, as in `account` or `address`
   */
  countThrottled(endpoint: string, limit: string): void
}

declare module 'fastify' {
  interface FastifyInstance {
    counters: Counters
  }
}

async function counters(app: FastifyInstance): Promise<void> {
  const throttled = new Map<string, Map<string, number>>()

  app.decorate('counters', {
    checks: {
      admitted: 0,
      refused: {
        no_token: 0,
        malformed: 0,
        invalid: 0,
        unknown_key: 0,
        expired: 0,
        revoked: 0,
        superseded: 0,
        key_retired: 0,
        account_disabled: 0,
        account_deleted: 0,
        unavailable: 0,
      },
    },
    logins: { succeeded: 0, unknown_email: 0, wrong_password: 0, account_disabled: 0, vetoed: 0 },
    revocations: 0,
    throttled,
    countThrottled(endpoint, limit) {
      const limits = throttled.get(endpoint) ?? new Map<string, number>()
      throttled.set(endpoint, limits.set(limit, (limits.get(limit) ?? 0) + 1))
    },
  })
}

export default fp(counters, { name: 'postern-counters' })
