import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { PrincipalRow } from '../drizzle/index.ts'
import type { AccessTokenClaims } from './jwt.ts'
import { type Auth, principal } from './request-auth.ts'

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
     * @throws the problems `invalid_token` and `account_disabled`
     */
    checkToken(token: string): Promise<CheckedToken>
    /** An `onRequest` hook: admits a request whose bearer token counts at this moment, and refuses every other with 401. */
    authenticate(request: FastifyRequest): Promise<void>
    /** The same, but it says 403 where the account is disabled: for a gateway, which may tell the two apart. */
    authenticateForGateway(request: FastifyRequest): Promise<void>
    /** An `onRequest` hook for logging out: admits every unexpired token issued here, revoked already or not. */
    authenticateIssued(request: FastifyRequest): Promise<void>
  }
}

/** `Bearer`, a space, and a token of RFC 6750 section 2.1. */
const CREDENTIALS = /^bearer +([\w.~+/-]+=*)$/i

/** The only place that decides about tokens. */
async function authenticate(app: FastifyInstance): Promise<void> {
  async function checkToken(token: string): Promise<CheckedToken> {
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

  async function authenticateForGateway(request: FastifyRequest): Promise<void> {
    const { claims, account } = await checkToken(bearerToken(request))
    request.auth = describe(claims)
    request[principal] = account
  }

  app.decorate('checkToken', checkToken)
  app.decorate('authenticateForGateway', authenticateForGateway)

  app.decorate('authenticate', async (request) => {
    try {
      await authenticateForGateway(request)
    } catch (error) {
      throw (error as { code?: string }).code === 'account_disabled' ? revoked() : error
    }
  })

  app.decorate('authenticateIssued', async (request) => {
    const { claims } = await app.tokens.verify(bearerToken(request))
    request.auth = describe(claims)
  })
}

export default fp(authenticate, {
  name: 'postern-authenticate',
  dependencies: ['postern-errors', 'postern-database', 'postern-tokens', 'postern-request-auth'],
})

function describe({ sub, email, jti, iat, exp }: AccessTokenClaims): Auth {
  return {
    userId: sub,
    email,
    tokenId: jti,
    issuedAt: new Date(iat * 1000),
    expiresAt: new Date(exp * 1000),
  }
}
