import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import securityHeaders from '../../plugins/http/security-headers.ts'

/** Transport security is left to the gateway. The other headers that are off are for HTML pages or old browsers. */
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

/** The headers of a response without a body, except its date. */
async function headersOf(app: FastifyInstance): Promise<Record<string, unknown>> {
  app.get('/', async (_request, reply) => reply.code(204).send())
  const { date, ...headers } = (await app.inject('/')).headers
  await app.close()
  return headers
}

t.test('are those that @fastify/helmet sends', async (t) => {
  const app = fastify()
  await app.register(securityHeaders)
  const reference = fastify()
  await reference.register(helmet, OPTIONS)
  t.strictSame(await headersOf(app), await headersOf(reference))
})
