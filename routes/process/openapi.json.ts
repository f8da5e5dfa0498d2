import type { Route } from '../schemas.ts'

/** `GET /openapi.json`: the OpenAPI 3.1 document. */
const openapiJson: Route = async (app) => {
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.openapi.document())
}

export default openapiJson
