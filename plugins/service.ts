import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { toUser } from './accounts/user.ts'
import type { ActionContext, User } from './postern.ts'
import { toAuth } from './tokens/verified-token.ts'

/** The hooks of sessions. The host app is told after the commit. */
export interface SessionHooks {
  onLoggedIn?(event: { user: User; tokenId: string } & ActionContext): void | Promise<void>
  onLoggedOut?(event: { userId: string; tokenId: string } & ActionContext): void | Promise<void>
}

export const sessionHooks: Record<keyof SessionHooks, true> = { onLoggedIn: true, onLoggedOut: true }

/** Gathers what the host app's code may call into `app.postern`. */
async function service(app: FastifyInstance): Promise<void> {
  const { audit, counters, database, metrics, tokens } = app
  const { authenticate, ...accounts } = app.accounts
  const { tell } = app.hooks.of<SessionHooks>()

  app.decorate('postern', {
    ...accounts,

    async login(credentials, context = {}) {
      const row = await authenticate(credentials, context)
      const { accessToken, expiresIn, tokenId } = await tokens.issue(row)
      const user = toUser(row)
      await audit.record('authn_login_success', { userId: row.id, target: tokenId, ...context })
      counters.logins.succeeded += 1
      tell('onLoggedIn', { user, tokenId, ...context })
      return { user, accessToken, expiresIn }
    },

    async verifyToken(token) {
      const { claims, row } = await app.checkToken(token)
      return toAuth(claims, { row })
    },

    async revokeToken(token, context = {}) {
      const auth = typeof token === 'string' ? toAuth((await tokens.verify(token)).claims) : token
      const { tokenId, userId, expiresAt } = auth
      await tokens.revoke({ tokenId, userId, expiresAt }, context)
      counters.revocations += 1
      tell('onLoggedOut', { userId, tokenId, ...context })
    },

    ping: database.ping,
    metrics: (accept) => metrics.expose(accept),
  })
}

export default fp(service, {
  name: 'postern-service',
  dependencies: [
    'postern-accounts',
    'postern-audit',
    'postern-authenticate',
    'postern-hooks',
    'postern-metrics',
    'postern-tokens',
  ],
})
