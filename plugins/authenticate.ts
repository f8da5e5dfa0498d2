import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Problem, ProblemCode } from './errors.ts'
import type { AccessTokenClaims } from './jwt.ts'
import { type Auth, principal } from './request-auth.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook: admits a request whose bearer token counts at this moment, and refuses every other. */
    authenticate(request: FastifyRequest): Promise<void>
    /** An `onRequest` hook for logging out: admits every unexpired token issued here, revoked already or not. */
    authenticateIssued(request: FastifyRequest): Promise<void>
  }
}

/** `Bearer`, a space, and a token of RFC 6750 section 2.1. */
const CREDENTIALS = /^bearer +([\w.~+/-]+=*)$/i

/** Decides about tokens: the only place that does. */
async function authenticate(app: FastifyInstance): Promise<void> {
  function refuse(code: ProblemCode, detail?: string): Problem {
    const challenge = detail ? `Bearer error="invalid_token", error_description="${detail}"` : 'Bearer'
    return app.problem(code, {
      ...(detail && { detail }),
      headers: { 'www-authenticate': challenge, 'cache-control': 'no-store' },
    })
  }

  async function verifyBearer(request: FastifyRequest) {
    const { authorization } = request.headers
    if (authorization === undefined || !/^bearer\b/i.test(authorization)) {
      throw refuse('authentication_required')
    }
    const token = CREDENTIALS.exec(authorization)?.[1]
    if (token === undefined) throw refuse('invalid_token', 'The Authorization header is malformed')
    try {
      return await app.tokens.verify(token)
    } catch (error) {
      const { code, message } = error as Problem
      throw code === 'invalid_token' ? refuse(code, message) : error
    }
  }

  app.decorate('authenticateIssued', async (request) => {
    const { claims } = await verifyBearer(request)
    request.auth = describe(claims)
  })

  app.decorate('authenticate', async (request) => {
    const { claims, kid } = await verifyBearer(request)
    const row = await app.database.principals.find({
      userId: claims.sub,
      jti: claims.jti,
      kid,
      now: new Date(),
    })
    const counts =
      row?.disabledAt === null &&
      row.tokenVersion === claims.ver &&
      row.blacklistedJti === null &&
      row.activeKid === kid
    if (!counts) throw refuse('invalid_token', 'The access token has been revoked')
    request.auth = describe(claims)
    request[principal] = row
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
