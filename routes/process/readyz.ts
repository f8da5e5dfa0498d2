import type { Route } from '../schemas.ts'

/** `GET /readyz`: the database answers and the process will not stop yet, so requests will be answered; else 503. */
const readyz: Route = async (app) => {
  app.get('/readyz', { schema: { hide: true } }, async () => {
    if (app.isDraining) throw app.problem('service_unavailable')
    await app.postern.ping()
    return { status: 'ok' }
  })
}

export default readyz
