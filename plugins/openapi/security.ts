import type { FastifySchema, RouteOptions } from 'fastify'

/**
 * What Postern's endpoints are guarded by, for an OpenAPI document, be it Postern's own or a host's.
 *
 * @param prefix stands before the path of every endpoint
 */
export function securitySchemes(prefix = '') {
  return {
    // The docs page asks for credentials in this order.
    password: { type: 'oauth2' as const, flows: { password: { tokenUrl: `${prefix}/login`, scopes: {} } } },
    bearer: { type: 'http' as const, scheme: 'bearer', bearerFormat: 'JWT' },
    client: { type: 'http' as const, scheme: 'basic', description: 'Made by `postern clients add`.' },
  }
}

/** A route's schema with all the bodies that the route takes. */
export function describeBodies(schema: FastifySchema, { config }: RouteOptions): FastifySchema {
  const bodies = config?.openapiBody
  if (!bodies) return schema
  const content = Object.entries(bodies).map(([type, body]) => [type, { schema: body }])
  return { ...schema, body: { content: Object.fromEntries(content) } }
}
