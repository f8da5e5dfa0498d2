import { Type } from '@sinclair/typebox'
import { problemResponses, type Route, success } from '../schemas.ts'

/** The response to `POST /logout`. */
export const LoggedOut = Type.Object({ details: Type.Literal('Logged out') })

/**
 * `POST /logout`, and `GET /logout` for old clients: revokes the request's own token. A token that is revoked already
 * is admitted, so that a client that missed the first response gets the same one again.
 */
const logout: Route = async (app) => {
  // The body is ignored, so nothing in it can be wrong.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })

  for (const [method, operationId, codes] of [
    // Only the media type of a body is parsed: it must be well-formed.
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
          200: success(LoggedOut, 'The token is revoked. The revocation is durable.'),
          ...problemResponses('authentication_required', 'invalid_token', ...codes),
        },
      },
      handler: async (request) => {
        const { auth } = request
        if (!auth) throw new Error('logout is registered outside the issued scope')
        await app.postern.revokeToken(auth, { request })
        return { details: 'Logged out' as const }
      },
    })
  }
}

export default logout
