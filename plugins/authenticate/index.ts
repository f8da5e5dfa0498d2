import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { PrincipalRow } from '../../drizzle/index.ts'
import type { Authenticate } from '../postern.ts'
import type { Problem, Refusal } from '../problem/codes.ts'
import type { AccessTokenClaims } from '../signing-keys/jwt.ts'
import type { VerifiedToken } from '../tokens/verified-token.ts'
import { credential, principal } from './request.ts'

/** A token that counts, and the account that it stands for. */
export interface CheckedToken {
  claims: AccessTokenClaims
  account: PrincipalRow
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Decides about a token, by the database's present state.
     *
     * @throws the problem `invalid_token`
     */
    checkToken(token: string): Promise<CheckedToken>
    /** An `onRequest` hook like `authenticate`, but it says 403 where the account is disabled: a gateway may know. */
    authenticateForGateway(request: FastifyRequest): Promise<void>
    /** An `onRequest` hook for logging out: admits every unexpired token issued here, revoked already or not. */
    authenticateIssued(request: FastifyRequest): Promise<void>
  }
}

/** The scheme as nearly everybody spells it. */
const SCHEME = 'Bearer '

/** `Bearer`, a space, and a token of RFC 6750 section 2.1. */
const CREDENTIALS = /^bearer +([\w.~+/-]+=*)$/i

/** A check that waits for its answer. */
interface Question {
  token: VerifiedToken
  /** Whether whoever asks may know that an account is disabled. */
  saysDisabled: boolean
  resolve(token: VerifiedToken): void
  reject(error: unknown): void
}

/** The only place that decides about tokens. */
async function authenticate(app: FastifyInstance): Promise<void> {
  const { principals } = app.database
  const { checks } = app.counters
  let questions: Question[] = []

  function checkRequest({ headers }: FastifyRequest, saysDisabled: boolean): Promise<VerifiedToken> {
    const { authorization } = headers
    // What was verified before was well-formed then, and is now.
    const known = authorization?.startsWith(SCHEME) && app.tokens.recall(authorization.slice(SCHEME.length))
    return known ? ask(known, saysDisabled) : check(bearerToken(authorization), saysDisabled)
  }

  function check(token: string, saysDisabled: boolean): Promise<VerifiedToken> {
    const verified = app.tokens.verify(token)
    if (!(verified instanceof Promise)) return ask(verified, saysDisabled)
    return verified.then((found) => ask(found, saysDisabled))
  }

  /**
   * Checks that arrive in the same turn of the event loop share one look at the database, which is taken after the last of them has
   * arrived: each is decided by a state that is younger than its request.
   */
  function ask(token: VerifiedToken, saysDisabled: boolean): Promise<VerifiedToken> {
    return new Promise((resolve, reject) => {
      if (questions.push({ token, saysDisabled, resolve, reject }) === 1) setImmediate(answer)
    })
  }

  async function answer(): Promise<void> {
    const asked = questions
    questions = []
    try {
      const loading = principals.load(asked.map(({ token }) => token))
      if (loading) await loading
      for (const { token, saysDisabled, resolve, reject } of asked) {
        const fault = findFault(token, saysDisabled)
        if (fault === undefined) resolve(token)
        else reject(fault)
      }
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }

  /** What the database says against a token. */
  function findFault({ row, claims }: VerifiedToken, saysDisabled: boolean): Error | undefined {
    if (!row) return revoked('account_deleted')
    if (row.blacklistedJti !== null) return revoked('revoked')
    if (row.kid === null) return revoked('key_retired')
    if (row.keyRetiresAt !== null && row.keyRetiresAt.getTime() <= Date.now()) return revoked('key_retired')
    // Whoever holds a token without knowing the password is not told about the account.
    if (row.disabledAt !== null && !saysDisabled) return revoked('account_disabled')
    if (row.disabledAt !== null) return app.problem('account_disabled', { refusal: 'account_disabled' })
    return row.tokenVersion === claims.ver ? undefined : revoked('superseded')
  }

  function revoked(refusal: Refusal): Error {
    return app.problem('invalid_token', { detail: 'The access token has been revoked', refusal })
  }

  function bearerToken(authorization: string | undefined): string {
    if (authorization === undefined) throw noToken()
    const token = CREDENTIALS.exec(authorization)?.[1]
    if (token !== undefined) return token
    if (!/^bearer\b/i.test(authorization)) throw noToken()
    const detail = 'The Authorization header is malformed'
    throw app.problem('invalid_token', { detail, refusal: 'malformed' })
  }

  function noToken(): Error {
    return app.problem('authentication_required', { refusal: 'no_token' })
  }

  function countRefusal(error: unknown): void {
    // Whatever else goes wrong has nothing to do with the token.
    checks.refused[(error as Partial<Problem>).refusal ?? 'unavailable'] += 1
  }

  function hook(saysDisabled: boolean) {
    return async (request: FastifyRequest, reply?: FastifyReply): Promise<void> => {
      try {
        const token = await checkRequest(request, saysDisabled)
        request[credential] = token
        request[principal] = token.row ?? null
        checks.admitted += 1
      } catch (error) {
        countRefusal(error)
        // Now, since an error handler of a host's need not know that errors may have headers.
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
      checks.admitted += 1
      return { claims, account: row as PrincipalRow }
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
  dependencies: ['postern-errors', 'postern-counters', 'postern-database', 'postern-tokens'],
})
