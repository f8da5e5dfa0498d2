import swagger from '@fastify/swagger'
import type { TSchema } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { describeBodies, securitySchemes } from './security.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Postern's own document. An app that embeds Postern has none of this. */
    openapi: { document(): object }
  }
  interface FastifyContextConfig {
    /** Bodies by media type, for a route that takes more than the JSON body that `schema.body` validates. */
    openapiBody?: Record<string, TSchema>
  }
}

interface OpenapiOptions {
  /** The version of Postern. */
  version: string
}

/** Gathers the routes registered after it into an OpenAPI 3.1 document, `app.swagger()`. */
async function openapi(app: FastifyInstance, { version }: OpenapiOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Postern',
        version,
        description:
          'E-mail and password authentication. Errors are problem+json (RFC 9457) with a stable `code`.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'Users', description: 'Register, and get the current user.' },
        { name: 'Sessions', description: 'Log in and log out.' },
        { name: 'Gateways', description: 'Forward authentication.' },
        { name: 'Clients', description: 'Introspect and revoke tokens, with client credentials.' },
        { name: 'Keys', description: 'Verify tokens offline.' },
      ],
      components: {
        securitySchemes: securitySchemes(),
      },
    },
    // The ids begin with our name so that they do not collide with a host app's. Our own document does not need it.
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        typeof json['$id'] === 'string' ? json['$id'].replace(/^Postern/, '') : `schema-${index}`,
    },
    transform: ({ schema, url, route }) => ({ schema: describeBodies(schema, route), url }),
  })
  app.decorate('openapi', { document: () => app.swagger() })
}

export default fp(openapi, { name: 'postern-openapi' })
