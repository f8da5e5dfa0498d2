import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createDraining, type Draining } from './draining.ts'
import normalPath from './normal-path.ts'
import requestIds from './request-id.ts'
import securityHeaders from './security-headers.ts'

declare module 'fastify' {
  interface FastifyInstance {
    http: Draining
  }
}

interface HttpSettings {
  /** The setting CORS_ORIGIN. */
  corsOrigin: string[]
}

/** What a server of its own adds to every response, and how its connections end. */
async function http(app: FastifyInstance, { corsOrigin }: HttpSettings): Promise<void> {
  await app.register(requestIds)
  app.decorate('http', createDraining(app))
  await app.register(securityHeaders)
  await app.register(normalPath)
  if (corsOrigin.length > 0) {
    await app.register(cors, {
      origin: corsOrigin.includes('*') ? '*' : corsOrigin,
      allowedHeaders: ['authorization', 'content-type', 'x-request-id'],
      exposedHeaders: ['www-authenticate', 'retry-after', 'ratelimit', 'ratelimit-policy', 'x-request-id'],
      maxAge: 600,
      strictPreflight: false,
    })
  }
}

export default fp(http, { name: 'postern-http' })
