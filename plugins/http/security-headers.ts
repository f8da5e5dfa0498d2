import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/**
 * What @fastify/helmet sends with options for an API. Constants, because helmet computes them for every request; a test
 * holds them equal to helmet's. Strict-Transport-Security is left to the gateway, where TLS ends.
 */
const HEADERS = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** Adds the security headers to every response. */
async function securityHeaders(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(HEADERS)
    done()
  })
}

export default fp(securityHeaders, { name: 'postern-security-headers' })
