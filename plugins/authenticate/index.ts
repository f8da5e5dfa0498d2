import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { PrincipalRow } from '../../drizzle/index.ts'
import type { Authenticate } from '../postern.ts'
import { type Problem, REFUSALS, type Refusal } from '../problem/codes.ts'
import type { AccessTokenClaims } from '../signing-keys/jwt.ts'
import type { VerifiedToken } from '../tokens/verified-token.ts'
import { parseBearer, peekBearer } from './bearer.ts'
import { findRefusal } from './decision.ts'
import { credential, principal } from './request.ts'

/** A valid token, and the user that it was issued to. */
export interface CheckedToken {
  claims: AccessTokenClaims
  row: PrincipalRow
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Checks a token against the present state of the database.
     *
     * @throws the problem `invalid_token`
     */
    checkToken(token: string): Promise<CheckedToken>
    /** An `onRequest` hook like `authenticate`, but for a disabled user it says 403: a gateway may know. */
    authenticateForGateway(request: FastifyRequest): Promise<void>
    /** An `onRequest` hook for logging out: admits every unexpired token issued here, revoked already or not. */
    authenticateIssued(request: FastifyRequest): Promise<void>
  }
}

/** A check that waits for the database. */
interface PendingCheck {
  token: VerifiedToken
  /** Whether the caller may learn that the user is disabled. */
  saysDisabled: boolean
  resolve(token: VerifiedToken): void
  reject(error: unknown): void
}

/** The only place that decides whether a token is valid. */
async function authenticate(app: FastifyInstance): Promise<void> {
  const { principals } = app.database
  const admitted = app.metrics.counter({
    name: 'checks_admitted_total',
    help: 'Checks that admitted a token.',
  })
  const refused = app.metrics.counter({
    name: 'checks_refused_total',
    help: 'Checks that did not admit a token.',
    labelNames: ['reason'],
  })
  for (const reason of REFUSALS) refused.inc({ reason }, 0)
  let pending: PendingCheck[] = []

  function checkRequest({ headers }: FastifyRequest, saysDisabled: boolean): Promise<VerifiedToken> {
    const { authorization } = headers
    const text = peekBearer(authorization)
    // A token in the cache was well-formed when it was verified, so it needs no parsing.
    const cached = text !== undefined && app.tokens.recall(text)
    return cached ? decide(cached, saysDisabled) : check(bearerToken(authorization), saysDisabled)
  }

  function check(token: string, saysDisabled: boolean): Promise<VerifiedToken> {
    const verified = app.tokens.verify(token)
    if (!(verified instanceof Promise)) return decide(verified, saysDisabled)
    return verified.then((found) => decide(found, saysDisabled))
  }

  /**
   * Checks that arrive in the same turn of the event loop share one read. It starts after the last of them has arrived,
   * so that each is decided by a state younger than its request.
   */
  function decide(token: VerifiedToken, saysDisabled: boolean): Promise<VerifiedToken> {
    return new Promise((resolve, reject) => {
      if (pending.push({ token, saysDisabled, resolve, reject }) === 1) setImmediate(decidePending)
    })
  }

  async function decidePending(): Promise<void> {
    const batch = pending
    pending = []
    try {
      const loading = principals.load(batch.map(({ token }) => token))
      if (loading) await loading
      const now = Date.now()
      for (const { token, saysDisabled, resolve, reject } of batch) {
        const refusal = findRefusal(token, now)
        if (refusal === undefined) resolve(token)
        else reject(toProblem(refusal, saysDisabled))
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  /** The holder of a token need not know the password, so they are not told about the user. */
  function toProblem(refusal: Refusal, saysDisabled: boolean): Problem {
    return refusal === 'account_disabled' && saysDisabled
      ? app.problem('account_disabled', { refusal })
      : app.problem('invalid_token', { detail: 'The access token has been revoked', refusal })
  }

  function bearerToken(authorization: string | undefined): string {
    const parsed = parseBearer(authorization)
    if ('token' in parsed) return parsed.token
    if (parsed.fault === 'no_token') throw app.problem('authentication_required', { refusal: 'no_token' })
    const detail = 'The Authorization header is malformed'
    throw app.problem('invalid_token', { detail, refusal: 'malformed' })
  }

  function countRefusal(error: unknown): void {
    // An error without a refusal has nothing to do with the token.
    refused.inc({ reason: (error as Partial<Problem>).refusal ?? 'unavailable' })
  }

  function hook(saysDisabled: boolean) {
    return async (request: FastifyRequest, reply?: FastifyReply): Promise<void> => {
      try {
        const token = await checkRequest(request, saysDisabled)
        request[credential] = token
        request[principal] = token.row ?? null
        admitted.inc()
      } catch (error) {
        countRefusal(error)
        // Set here, since a host app's error handler need not know that errors may have headers.
        reply?.headers((error as Partial<Problem>).headers ?? {})
        throw error
      }
    }
  }

  const required = hook(false)
  const optional: Authenticate['optional'] = async (request, reply) => {
    if (request.headers.authorization !== undefined) await required(request, reply)
  }

  app.decorate('checkToken', async (token) => {
    try {
      const { claims, row } = await check(token, false)
      admitted.inc()
      return { claims, row: row as PrincipalRow }
    } catch (error) {
      countRefusal(error)
      throw error
    }
  })
  app.decorate('authenticate', Object.assign(required, { optional }))
  app.decorate('authenticateForGateway', hook(true))
  app.decorate('authenticateIssued', async (request) => {
    request[credential] = await app.tokens.verify(bearerToken(request.headers.authorization))
  })
}

export default fp(authenticate, {
  name: 'postern-authenticate',
  dependencies: ['postern-database', 'postern-metrics', 'postern-problem', 'postern-tokens'],
})
