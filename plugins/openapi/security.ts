import type { FastifySchema, RouteOptions } from 'fastify'

/**
 * The guards of Postern's endpoints, for its own OpenAPI document or a host app's.
 *
 * @param prefix of every endpoint's path
 */
export function securitySchemes(prefix = '') {
  return {
    // The docs page asks for credentials in this order.
    password: { type: 'oauth2' as const, flows: { password: { tokenUrl: `${prefix}/login`, scopes: {} } } },
    bearer: { type: 'http' as const, scheme: 'bearer', bearerFormat: 'JWT' },
    client: { type: 'http' as const, scheme: 'basic', description: 'Created by `postern clients add`.' },
  }
}

/** A route's schema with all bodies that the route accepts. */
export function describeBodies(schema: FastifySchema, { config }: RouteOptions): FastifySchema {
  const bodies = config?.openapiBody
  if (!bodies) return schema
  const content = Object.entries(bodies).map(([type, body]) => [type, { schema: body }])
  return { ...schema, body: { content: Object.fromEntries(content) } }
}
