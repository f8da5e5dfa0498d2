import type { Postern } from '../../plugins/postern.ts'
import type { Route } from '../schemas.ts'

/** `GET /metrics` for Prometheus. Metrics tell much about a service, so they never go on the public port. */
const metrics: Route<{ expose: Postern['metrics'] }> = async (app, { expose }) => {
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    const { contentType, body } = await expose()
    return reply.header('cache-control', 'no-store').type(contentType).send(body)
  })
}

export default metrics
