import { Type } from '@sinclair/typebox'
import { acceptForm } from '../form.ts'
import { oauthResponses, type Route } from '../schemas.ts'

/** The form of `/revoke` and `/introspect` (RFC 7009 section 2.1, RFC 7662 section 2.1). */
export const TokenForm = Type.Object({
  token: Type.String({ examples: ['eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTlhMGI1ZSJ9.c2lnbmF0dXJl'] }),
  token_type_hint: Type.Optional(Type.String({ examples: ['access_token'] })),
})

/** `POST /revoke`: revokes a token (RFC 7009). */
const revoke: Route = async (app) => {
  acceptForm(app, ['token', 'token_type_hint'])

  app.post(
    '/revoke',
    {
      schema: {
        operationId: 'revoke',
        summary: 'Revoke a token',
        tags: ['Clients'],
        security: [{ client: [] }],
        consumes: ['application/x-www-form-urlencoded'],
        body: TokenForm,
        response: {
          200: {
            description: 'The token is not valid: it has been revoked durably, or it never was.',
            type: 'null',
          },
          ...oauthResponses(
            'invalid_request',
            'invalid_client',
            'cross_site_request',
            'content_too_large',
            'unsupported_media_type',
            'too_many_requests',
          ),
        },
      },
    },
    async (request, reply) => {
      await revokeIfIssued(request.body.token)
      return reply.send()
    },
  )

  /** For a client, revoking an invalid token succeeds (RFC 7009 section 2.2). */
  async function revokeIfIssued(token: string): Promise<void> {
    try {
      await app.postern.revokeToken(token)
    } catch (error) {
      if ((error as { code?: string }).code !== 'invalid_token') throw error
    }
  }
}

export default revoke
