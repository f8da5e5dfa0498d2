import type { Route } from '../schemas.ts'

/** `GET /healthz`: the process is alive. It says nothing of what the process depends on. */
const healthz: Route = async (app) => {
  app.get('/healthz', { schema: { hide: true } }, async () => ({ status: 'ok' }))
}

export default healthz
