import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { PrincipalRow } from '../drizzle/index.ts'

/** Whose request it is, by its access token. */
export interface Auth {
  userId: string
  email: string
  /** The token's `jti`. */
  tokenId: string
  issuedAt: Date
  expiresAt: Date
}

/** The account behind an authenticated request, as the check has just read it. */
export const principal = Symbol('postern.principal')

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose request it is; null before `app.authenticate` has admitted it. */
    auth: Auth | null
    [principal]: PrincipalRow | null
  }
}

/** Gives requests a place for what a check finds. Apart from the check, because a host's own requests need it too. */
async function requestAuth(app: FastifyInstance): Promise<void> {
  app.decorateRequest('auth', null)
  app.decorateRequest(principal, null)
}

export default fp(requestAuth, { name: 'postern-request-auth' })
