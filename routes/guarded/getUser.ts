import type { PrincipalRow } from '../../drizzle/index.ts'
import { principal } from '../../plugins/authenticate/request.ts'
import { problemResponses, type Route, success, toUser, UserRef } from '../schemas.ts'

/** `GET /getUser`: the account of the token's owner. Belongs into the guarded scope. */
const getUser: Route = async (app) => {
  // A row stays the same object for as long as nothing has changed, and so does what is said of it.
  const described = new WeakMap<PrincipalRow, ReturnType<typeof toUser>>()

  function describe(user: PrincipalRow): ReturnType<typeof toUser> {
    const known = described.get(user)
    if (known) return known
    const description = toUser(user)
    described.set(user, description)
    return description
  }

  app.get(
    '/getUser',
    {
      exposeHeadRoute: true,
      schema: {
        operationId: 'getUser',
        summary: 'Whose token is it',
        tags: ['Accounts'],
        security: [{ bearer: [] }, { password: [] }],
        response: {
          200: success(UserRef, 'The account.'),
          ...problemResponses('authentication_required', 'invalid_token'),
        },
      },
    },
    (request, reply) => {
      const user = request[principal]
      if (!user) throw new Error('getUser is registered outside the guarded scope')
      reply.send(describe(user))
    },
  )
}

export default getUser
