import { Type } from '@sinclair/typebox'
import type { CheckedToken } from '../../plugins/authenticate/index.ts'
import { acceptForm } from '../form.ts'
import { oauthResponses, type Route, success } from '../schemas.ts'
import { TokenForm } from './revoke.ts'

/** The response to `POST /introspect`. */
export const Introspection = Type.Object(
  {
    active: Type.Boolean({ examples: [true] }),
    client_id: Type.Optional(Type.String({ examples: ['postern'] })),
    username: Type.Optional(Type.String({ description: 'The e-mail', examples: ['ada@example.com'] })),
    token_type: Type.Optional(Type.Literal('Bearer')),
    exp: Type.Optional(Type.Integer({ description: 'Seconds since the epoch', examples: [1795360011] })),
    iat: Type.Optional(Type.Integer({ description: 'Seconds since the epoch', examples: [1795359111] })),
    sub: Type.Optional(Type.String({ examples: ['019a0b5e-4c1f-7c3a-9d2e-5b8f6a7c1d20'] })),
    aud: Type.Optional(Type.String({ examples: ['postern'] })),
    iss: Type.Optional(Type.String({ examples: ['postern'] })),
    jti: Type.Optional(Type.String({ examples: ['019a0b5e-7d1e-7a44-8b2c-0f6e9d3c5b7a'] })),
  },
  { description: 'For a token that is not valid, only `active` (RFC 7662 section 2.2).' },
)

/** `POST /introspect`: whether a token is valid at present, and its claims (RFC 7662). */
const introspect: Route = async (app) => {
  acceptForm(app, ['token', 'token_type_hint'])

  app.post(
    '/introspect',
    {
      schema: {
        operationId: 'introspect',
        summary: 'Introspect a token',
        tags: ['Clients'],
        security: [{ client: [] }],
        consumes: ['application/x-www-form-urlencoded'],
        body: TokenForm,
        response: {
          200: success(Introspection, 'Whether the token is valid, and its claims.'),
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
    async (request) => {
      const checked = await findActive(request.body.token)
      if (!checked) return { active: false }
      const { client_id, exp, iat, sub, aud, iss, jti } = checked.claims
      const username = checked.row.email
      return {
        active: true,
        client_id,
        username,
        token_type: 'Bearer' as const,
        exp,
        iat,
        sub,
        aud,
        iss,
        jti,
      }
    },
  )

  async function findActive(token: string): Promise<CheckedToken | undefined> {
    try {
      return await app.checkToken(token)
    } catch (error) {
      if ((error as { code?: string }).code === 'invalid_token') return undefined
      throw error
    }
  }
}

export default introspect
