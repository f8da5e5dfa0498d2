import type { Route } from '../schemas.ts'

/** `GET /openapi.json`: this API's description (OpenAPI 3.1). */
const openapiJson: Route = async (app) => {
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

export default openapiJson
