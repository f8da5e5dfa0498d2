import type { PrincipalRow } from '../../drizzle/index.ts'
import { principal } from '../../plugins/authenticate/request.ts'
import { problemResponses, type Route, success, toUserBody, UserRef } from '../schemas.ts'

/** `GET /getUser`: the user that the token was issued to. */
const getUser: Route = async (app) => {
  // A row stays the same object until the user changes, so its response is cached with it.
  const cache = new WeakMap<PrincipalRow, ReturnType<typeof toUserBody>>()

  function toCachedBody(user: PrincipalRow): ReturnType<typeof toUserBody> {
    const cached = cache.get(user)
    if (cached) return cached
    const body = toUserBody(user)
    cache.set(user, body)
    return body
  }

  app.get(
    '/getUser',
    {
      exposeHeadRoute: true,
      schema: {
        operationId: 'getUser',
        summary: 'Get the current user',
        tags: ['Users'],
        security: [{ bearer: [] }, { password: [] }],
        response: {
          200: success(UserRef, 'The user.'),
          ...problemResponses('authentication_required', 'invalid_token'),
        },
      },
    },
    (request, reply) => {
      const user = request[principal]
      if (!user) throw new Error('getUser is registered outside the guarded scope')
      reply.send(toCachedBody(user))
    },
  )
}

export default getUser
