import type { Route } from '../schemas.ts'

/** `GET /healthz`: 200 while the process lives, whether or not it can reach its database. */
const healthz: Route = async (app) => {
  app.get('/healthz', { schema: { hide: true } }, async () => ({ status: 'ok' }))
}

export default healthz
