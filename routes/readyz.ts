import type { Route } from './schemas.ts'

/** `GET /readyz`: the database answers, so requests will be; else 503. */
const readyz: Route = async (app) => {
  app.get('/readyz', { schema: { hide: true } }, async () => {
    await app.postern.ping()
    return { status: 'ok' }
  })
}

export default readyz
