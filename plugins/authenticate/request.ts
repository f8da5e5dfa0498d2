import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { PrincipalRow } from '../../drizzle/index.ts'
import type { Auth } from '../postern.ts'
import { VerifiedToken } from '../tokens/verified-token.ts'

/** The account behind an authenticated request, as the check has just read it. */
export const principal = Symbol('postern.principal')

/** The token that a request was admitted by, or what a host has put into `request.auth` instead. */
export const credential = Symbol('postern.credential')

declare module 'fastify' {
  interface FastifyRequest {
    [principal]: PrincipalRow | null
    [credential]: VerifiedToken | Auth | null
  }
}

/** Gives requests a place for what a check finds. Apart from the check, because a host's own requests need it too. */
async function requestAuth(app: FastifyInstance): Promise<void> {
  // There already in the child of an app that has a Postern of its own.
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
