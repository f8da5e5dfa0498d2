import { Type } from '@sinclair/typebox'
import type { Settings } from '../../plugins/postern.ts'
import { type Route, responsesTo } from '../schemas.ts'

const url = (path: string) => Type.String({ examples: [`https://auth.example.com${path}`] })

/** The answer to `GET /.well-known/oauth-authorization-server`. */
export const Metadata = Type.Object({
  issuer: url(''),
  token_endpoint: url('/login'),
  jwks_uri: url('/.well-known/jwks.json'),
  introspection_endpoint: url('/introspect'),
  revocation_endpoint: url('/revoke'),
  grant_types_supported: Type.Array(Type.String({ examples: ['password'] })),
  response_types_supported: Type.Array(Type.String()),
  token_endpoint_auth_methods_supported: Type.Array(Type.String({ examples: ['none'] })),
  introspection_endpoint_auth_methods_supported: Type.Array(
    Type.String({ examples: ['client_secret_basic'] }),
  ),
  revocation_endpoint_auth_methods_supported: Type.Array(Type.String({ examples: ['client_secret_basic'] })),
})

/**
 * `GET /.well-known/oauth-authorization-server`: the metadata (RFC 8414). The endpoints' URLs begin with the issuer. If
 * the issuer is not a URL, they begin with the address that the request came to, and the response must not be cached.
 */
const metadata: Route<Pick<Settings, 'issuer'>> = async (app, { issuer }) => {
  const issuerUrl = /^https?:/.test(issuer) && URL.canParse(issuer) ? issuer.replace(/\/$/, '') : undefined

  app.get(
    '/.well-known/oauth-authorization-server',
    {
      exposeHeadRoute: true,
      schema: {
        operationId: 'metadata',
        summary: 'Server metadata',
        tags: ['Keys'],
        security: [],
        response: {
          200: { ...Metadata, description: 'The authorization server’s metadata.' },
          ...responsesTo(['header_fields_too_large']),
        },
      },
    },
    async (request, reply) => {
      const base = issuerUrl ?? `${request.protocol}://${request.host}${app.prefix}`
      if (issuerUrl) reply.header('cache-control', 'public, max-age=300')
      return {
        issuer,
        token_endpoint: `${base}/login`,
        jwks_uri: `${base}/.well-known/jwks.json`,
        introspection_endpoint: `${base}/introspect`,
        revocation_endpoint: `${base}/revoke`,
        grant_types_supported: [],
        response_types_supported: [],
        token_endpoint_auth_methods_supported: ['none'],
        introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
        revocation_endpoint_auth_methods_supported: ['client_secret_basic'],
      }
    },
  )
}

export default metadata
