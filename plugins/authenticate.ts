import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { PrincipalRow } from '../drizzle/index.ts'
import type { AccessTokenClaims } from './jwt.ts'
import type { Authenticate } from './postern.ts'
import { principal } from './request-auth.ts'
import { toAuth } from './tokens.ts'

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

/** `Bearer`, a space, and a token of RFC 6750 section 2.1. */
const CREDENTIALS = /^bearer +([\w.~+/-]+=*)$/i

/** The only place that decides about tokens. */
async function authenticate(app: FastifyInstance): Promise<void> {
  /** @throws the problems `invalid_token` and `account_disabled` */
  async function decide(token: string): Promise<CheckedToken> {
    const { claims, kid } = await app.tokens.verify(token)
    const account = await app.database.principals.find({
      userId: claims.sub,
      jti: claims.jti,
      kid,
      now: new Date(),
    })
    if (!account || account.blacklistedJti !== null || account.activeKid !== kid) throw revoked()
    if (account.disabledAt) throw app.problem('account_disabled')
    if (account.tokenVersion !== claims.ver) throw revoked()
    return { claims, account }
  }

  async function checkToken(token: string): Promise<CheckedToken> {
    try {
      return await decide(token)
    } catch (error) {
      // Whoever holds a token without knowing the password is not told about the account.
      throw (error as { code?: string }).code === 'account_disabled' ? revoked() : error
    }
  }

  function revoked(): Error {
    return app.problem('invalid_token', { detail: 'The access token has been revoked' })
  }

  function bearerToken({ headers: { authorization } }: FastifyRequest): string {
    if (authorization === undefined || !/^bearer\b/i.test(authorization)) {
      throw app.problem('authentication_required')
    }
    const token = CREDENTIALS.exec(authorization)?.[1]
    if (token === undefined) {
      throw app.problem('invalid_token', { detail: 'The Authorization header is malformed' })
    }
    return token
  }

  function hookBy(check: (token: string) => Promise<CheckedToken>) {
    return async (request: FastifyRequest) => {
      const { claims, account } = await check(bearerToken(request))
      request.auth = toAuth(claims)
      request[principal] = account
    }
  }

  const required = hookBy(checkToken)
  const optional: Authenticate['optional'] = async (request) => {
    if (request.headers.authorization !== undefined) await required(request)
  }

  app.decorate('checkToken', checkToken)
  app.decorate('authenticate', Object.assign(required, { optional }))
  app.decorate('authenticateForGateway', hookBy(decide))
  app.decorate('authenticateIssued', async (request) => {
    const { claims } = await app.tokens.verify(bearerToken(request))
    request.auth = toAuth(claims)
  })
}

export default fp(authenticate, {
  name: 'postern-authenticate',
  dependencies: ['postern-errors', 'postern-database', 'postern-tokens'],
})
