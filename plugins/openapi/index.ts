import swagger from '@fastify/swagger'
import type { TSchema } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { describeBodies, securitySchemes } from './security.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** There where the document is all about Postern, and not a host's. */
    ownOpenapi?: true
  }
  interface FastifyContextConfig {
    /** Bodies by media type, where a route takes more than the JSON one that `schema.body` validates. */
    openapiBody?: Record<string, TSchema>
  }
}

interface OpenapiOptions {
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
        { name: 'Accounts', description: 'Making an account, and looking at one’s own.' },
        { name: 'Sessions', description: 'Logging in and out.' },
        { name: 'Gateways', description: 'Forward authentication.' },
        { name: 'Clients', description: 'For machines with credentials of their own.' },
        { name: 'Keys', description: 'What verifying tokens offline takes.' },
      ],
      components: {
        securitySchemes: securitySchemes(),
      },
    },
    // The ids carry our name so as not to clash with a host's; in a document of our own it says nothing.
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        typeof json['$id'] === 'string' ? json['$id'].replace(/^Postern/, '') : `schema-${index}`,
    },
    transform: ({ schema, url, route }) => ({ schema: describeBodies(schema, route), url }),
  })
  app.decorate('ownOpenapi', true)
}

export default fp(openapi, { name: 'postern-openapi' })
