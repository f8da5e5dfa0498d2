import { principal } from '../plugins/request-auth.ts'
import { problemResponses, type Route, success, toUser, UserRef } from './schemas.ts'

/** `GET /getUser`: the account of the token's owner. Belongs into the guarded scope. */
const getUser: Route = async (app) => {
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
      reply.send(toUser(user))
    },
  )
}

export default getUser
