import type { Route } from '../schemas.ts'

/** `GET /readyz`: 200 if the database answers and the process does not drain; otherwise 503. */
const readyz: Route = async (app) => {
  app.get('/readyz', { schema: { hide: true } }, async () => {
    if (app.http.isDraining) throw app.problem('service_unavailable')
    await app.postern.ping()
    return { status: 'ok' }
  })
}

export default readyz
