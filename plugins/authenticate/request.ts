import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { PrincipalRow } from '../../drizzle/index.ts'
import type { Auth } from '../postern.ts'
import { VerifiedToken } from '../tokens/verified-token.ts'

/** The user behind an authenticated request, as the check has just read them. */
export const principal = Symbol('postern.principal')

/** The token that a request was admitted with, or what a host app has assigned to `request.auth` instead. */
export const credential = Symbol('postern.credential')

declare module 'fastify' {
  interface FastifyRequest {
    [principal]: PrincipalRow | null
    [credential]: VerifiedToken | Auth | null
  }
}

/** Decorates requests with what a check finds. Apart from the check, because a host app's own requests need it too. */
async function requestAuth(app: FastifyInstance): Promise<void> {
  // A child of an app that has a Postern of its own inherits the decorators.
  if (app.hasRequestDecorator(principal)) return
  if (app.hasRequestDecorator('auth')) throw new Error('request.auth is taken already, by another plugin.')
  app.decorateRequest('auth', {
    getter() {
      const given = this[credential]
      return given instanceof VerifiedToken ? given.auth : given
    },
    setter(auth: Auth | null) {
      this[credential] = auth
    },
  })
  app.decorateRequest(credential, null)
  app.decorateRequest(principal, null)
}

export default fp(requestAuth, { name: 'postern-request-auth' })
