import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { toAuth } from './tokens/verified-token.ts'

/** Gathers what the host app's code may call into `app.postern`. */
async function service(app: FastifyInstance): Promise<void> {
  const { accounts, database, metrics, tokens } = app

  app.decorate('postern', {
    ...accounts,

    async verifyToken(token) {
      const { claims, row } = await app.checkToken(token)
      return toAuth(claims, { row })
    },

    async revokeToken(token, context) {
      const auth = typeof token === 'string' ? toAuth((await tokens.verify(token)).claims) : token
      await tokens.revoke(auth, context)
    },

    ping: database.ping,
    metrics: metrics.expose,
  })
}

export default fp(service, {
  name: 'postern-service',
  dependencies: [
    'postern-accounts',
    'postern-authenticate',
    'postern-database',
    'postern-metrics',
    'postern-tokens',
  ],
})
