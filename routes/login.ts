import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { problemResponses, type Route, success } from './schemas.ts'

const LoginBody = Type.Object(
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

/** The same as a form (RFC 6749 section 4.3.2), for the API's description. */
const LoginForm = Type.Object({
  grant_type: Type.Optional(Type.Literal('password')),
  username: Type.String({ minLength: 1, description: 'The e-mail', examples: ['ada@example.com'] }),
  password: Type.String({
    minLength: 1,
    format: 'password',
    examples: ['correct horse battery staple'],
  }),
})

const AccessToken = Type.Object({
  access_token: Type.String({ description: 'A JWT (RFC 9068)' }),
  token_type: Type.Literal('bearer'),
  expires_in: Type.Integer({ description: 'Seconds', examples: [900] }),
})

/** `POST /login`: an access token for an e-mail and a password. */
const login: Route = async (app) => {
  app.addContentTypeParser<string>(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => parseForm(app, body),
  )

  app.post(
    '/login',
    {
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
            'content_too_large',
            'unsupported_media_type',
          ),
        },
      },
    },
    async (request) => {
      const user = await app.accounts.authenticate(request.body)
      const { accessToken, expiresIn } = await app.tokens.issue(user)
      return { access_token: accessToken, token_type: 'bearer' as const, expires_in: expiresIn }
    },
  )
}

export default login

/**
 * The access token request of RFC 6749 section 4.3.2 as the JSON body that says the same. Parameters that the grant does
 * not know are ignored, and none may come twice (section 3.2).
 */
function parseForm(app: FastifyInstance, body: string): Record<string, string> {
  const parameters = new URLSearchParams(body)
  const errors: { path: string; message: string }[] = []
  for (const name of ['grant_type', 'username', 'password']) {
    if (parameters.getAll(name).length > 1) errors.push({ path: `/${name}`, message: 'must not come twice' })
    else if (name !== 'grant_type' && !parameters.has(name)) {
      errors.push({ path: `/${name}`, message: 'is required' })
    }
  }
  const grantType = parameters.get('grant_type')
  if (grantType !== null && grantType !== 'password') {
    errors.push({ path: '/grant_type', message: 'must be password' })
  }
  if (!isWellFormedUrlencoded(body)) errors.push({ path: '', message: 'must be percent-encoded UTF-8' })
  if (errors.length > 0) throw app.problem('invalid_request', { errors })
  return { email: parameters.get('username') ?? '', password: parameters.get('password') ?? '' }
}

/** URLSearchParams replaces what is not UTF-8, so that different passwords would become the same. */
function isWellFormedUrlencoded(body: string): boolean {
  try {
    decodeURIComponent(body)
    return true
  } catch {
    return false
  }
}
