import { Type } from '@sinclair/typebox'
import { problemResponses, type Route, success } from '../schemas.ts'

/** The answer to `POST /logout`. */
export const LoggedOut = Type.Object({ details: Type.Literal('Logged out') })

/**
 * `POST /logout`, and `GET /logout` for clients of old: revokes the token that it comes with. It admits a token that is
 * revoked already, so that a client which missed the first answer gets the same one again.
 */
const logout: Route = async (app) => {
  // There is nothing to read in a body, so nothing in it can be wrong.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })

  for (const [method, operationId, codes] of [
    // Of a body only the media type is looked at, and that only for whether it is one.
    ['POST', 'logout', ['unsupported_media_type']],
    ['GET', 'logoutByGet', []],
  ] as const) {
    app.route({
      method,
      url: '/logout',
      // HEAD is safe by definition (RFC 9110 section 9.2.1); logging out is not.
      exposeHeadRoute: false,
      schema: {
        operationId,
        summary: method === 'POST' ? 'Log out' : 'Log out, for clients that can only GET',
        tags: ['Sessions'],
        security: [{ bearer: [] }, { password: [] }],
        response: {
          200: success(LoggedOut, 'The token is revoked, durably.'),
          ...problemResponses('authentication_required', 'invalid_token', ...codes),
        },
      },
      handler: async (request) => {
        const { auth } = request
        if (!auth) throw new Error('logout has lost its hook')
        await app.postern.revokeToken(auth, { request })
        return { details: 'Logged out' as const }
      },
    })
  }
}

export default logout
