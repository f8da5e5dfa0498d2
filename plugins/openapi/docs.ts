import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import compression from './compression.ts'

/** The page needs its own files, inline styles and images, and to call the API. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The page at `/docs`, on which one can try the API. Its files are sent compressed: the largest has 1.5 MB. */
export default async function docs(app: FastifyInstance): Promise<void> {
  await app.register(compression)
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: CSP,
    theme: { title: 'Postern' },
    // Without the bar of Swagger UI's makers.
    uiConfig: { layout: 'BaseLayout' },
  })
}
