import { Type } from '@sinclair/typebox'
import { acceptForm, invalid } from '../form.ts'
import { problemResponses, type Route, success } from '../schemas.ts'

/** The body of `POST /login`, as JSON. */
export const LoginBody = Type.Object(
  {
    email: Type.String({ minLength: 1, examples: ['ada@example.com'] }),
    password: Type.String({
      minLength: 1,
      format: 'password',
      examples: ['correct horse battery staple'],
    }),
  },
  { additionalProperties: false },
)

/** The same as a form (RFC 6749 section 4.3.2), for the OpenAPI document. */
const LoginForm = Type.Object({
  grant_type: Type.Optional(Type.Literal('password')),
  username: Type.String({ minLength: 1, description: 'The e-mail', examples: ['ada@example.com'] }),
  password: Type.String({
    minLength: 1,
    format: 'password',
    examples: ['correct horse battery staple'],
  }),
})

/** The response to `POST /login`. */
export const AccessToken = Type.Object({
  access_token: Type.String({
    description: 'A JWT (RFC 9068)',
    examples: ['eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTlhMGI1ZSJ9.c2lnbmF0dXJl'],
  }),
  token_type: Type.Literal('bearer'),
  expires_in: Type.Integer({ description: 'Seconds', examples: [900] }),
})

/** `POST /login`: issues an access token for an e-mail and a password. */
const login: Route = async (app) => {
  acceptForm(app, ['grant_type', 'username', 'password'], ({ grant_type, username, password }) => {
    if (grant_type !== undefined && grant_type !== 'password') {
      throw invalid(app, '/grant_type', 'must be password', 'unsupported_grant_type')
    }
    if (username === undefined) throw invalid(app, '/username', 'is required')
    if (password === undefined) throw invalid(app, '/password', 'is required')
    return { email: username, password }
  })

  app.post(
    '/login',
    {
      onRequest: app.sameOrigin,
      config: {
        openapiBody: {
          'application/json': LoginBody,
          'application/x-www-form-urlencoded': LoginForm,
        },
      },
      schema: {
        operationId: 'login',
        summary: 'Log in',
        tags: ['Sessions'],
        security: [],
        body: LoginBody,
        response: {
          200: success(AccessToken, 'Logged in.'),
          ...problemResponses(
            'invalid_request',
            'invalid_credentials',
            'account_disabled',
            'cross_site_request',
            'content_too_large',
            'unsupported_media_type',
            'too_many_requests',
            'overloaded',
          ),
        },
      },
    },
    async (request) => {
      const { accessToken, expiresIn } = await app.postern.login(request.body, { request })
      return { access_token: accessToken, token_type: 'bearer' as const, expires_in: expiresIn }
    },
  )
}

export default login
