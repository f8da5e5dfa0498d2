import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/**
 * What browsers are to know of an API's answers. Transport security is the gateway's to promise; what else is off concerns pages of
 * another kind.
 */
const OPTIONS: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  frameguard: { action: 'deny' },
  strictTransportSecurity: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
}

/** Puts the headers that @fastify/helmet gives into every answer. They never change, so helmet is asked for them once. */
async function securityHeaders(app: FastifyInstance): Promise<void> {
  const headers = await askHelmet()
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
}

export default fp(securityHeaders, { name: 'postern-security-headers' })

async function askHelmet(): Promise<Record<string, string>> {
  const probe = fastify({ logger: false })
  let headers = {}
  await probe.register(helmet, OPTIONS)
  probe.addHook('onSend', async (_request, reply) => {
    headers = { ...reply.raw.getHeaders() }
  })
  await probe.inject('/')
  await probe.close()
  return headers
}
