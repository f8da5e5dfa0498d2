import { Type } from '@sinclair/typebox'
import { acceptForm } from '../form.ts'
import { oauthResponses, type Route } from '../schemas.ts'

/** A token in a form, for revoking and introspecting alike (RFC 7009 section 2.1, RFC 7662 section 2.1). */
export const TokenForm = Type.Object({
  token: Type.String({ examples: ['eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTlhMGI1ZSJ9.c2lnbmF0dXJl'] }),
  token_type_hint: Type.Optional(Type.String({ examples: ['access_token'] })),
})

/** `POST /revoke`: refuses a token from now on (RFC 7009). For clients. */
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
            description: 'The token does not count, durably: not any more, or it never did.',
            type: 'null',
          },
          ...oauthResponses(
            'invalid_request',
            'invalid_client',
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

  /** A token that nobody would admit is revoked already, as far as a client can tell (RFC 7009 section 2.2). */
  async function revokeIfIssued(token: string): Promise<void> {
    try {
      await app.postern.revokeToken(token)
    } catch (error) {
      if ((error as { code?: string }).code !== 'invalid_token') throw error
    }
  }
}

export default revoke
