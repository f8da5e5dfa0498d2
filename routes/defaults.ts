import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { describeInHost } from './host-document.ts'
import { sharedSchemas } from './schemas.ts'

/** Bytes. */
const BODY_LIMIT = 16 * 1024

/** What all endpoints have in common, whatever the host app's defaults are. */
async function defaults(app: FastifyInstance): Promise<void> {
  const isOwnDocument = app.hasPlugin('postern-openapi')
  if (isOwnDocument) for (const schema of sharedSchemas) app.addSchema(schema)
  const swaggerTransform = describeInHost(app.prefix)
  app.addHook('onRoute', (route) => {
    // A host app may accept uploads, but no body here is large.
    route.bodyLimit = BODY_LIMIT
    if (!isOwnDocument) route.config = { ...route.config, swaggerTransform }
  })
  // A response that depends on credentials must not be cached.
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store')
    done()
  })
}

export default fp(defaults, { name: 'postern-route-defaults' })
