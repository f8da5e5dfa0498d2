import { Type } from '@sinclair/typebox'
import { NAME_MAX_LENGTH } from '../../plugins/accounts/registration.ts'
import type { Settings } from '../../plugins/postern.ts'
import { STORABLE_TEXT } from '../../plugins/validation.ts'
import { Email, problemResponses, type Route, success, toUserBody, UserRef } from '../schemas.ts'

/** The body of `POST /register`. */
export const RegisterBody = Type.Object(
  {
    email: Email,
    password: Type.String({
      format: 'password',
      description:
        'Used exactly as received: at least 8 characters, at most 72 bytes in UTF-8, and not easy to guess.',
      examples: ['correct horse battery staple'],
    }),
    name: Type.Optional(
      Type.String({ maxLength: NAME_MAX_LENGTH, pattern: STORABLE_TEXT, examples: ['Ada Lovelace'] }),
    ),
  },
  { additionalProperties: false },
)

/** `POST /register`: creates a user, unless registration is closed. */
const register: Route<Pick<Settings, 'registration'>> = async (app, { registration }) => {
  if (registration === 'closed') {
    app.addHook('onRequest', async () => {
      throw app.problem('registration_closed')
    })
  }

  app.post(
    '/register',
    {
      schema: {
        operationId: 'register',
        summary: 'Register a user',
        tags: ['Users'],
        security: [],
        body: RegisterBody,
        response: {
          201: success(UserRef, 'The new user.'),
          ...problemResponses(
            'invalid_request',
            'registration_closed',
            'email_taken',
            'content_too_large',
            'unsupported_media_type',
            'too_many_requests',
            'overloaded',
          ),
        },
      },
    },
    async (request, reply) => {
      const user = await app.postern.register(request.body, { request })
      return reply.code(201).send(toUserBody(user))
    },
  )
}

export default register
