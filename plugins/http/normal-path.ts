import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** A dot segment (RFC 3986 section 5.2.4), also percent-encoded. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i

/**
 * What the normal form of a path does not have: dot segments, empty segments, other separators, and percent-encoded
 * characters that need no encoding (RFC 3986 section 6.2.2).
 */
const NOT_NORMAL = new RegExp(
  `${DOT_SEGMENT.source}|//|\\\\|%(?:2[def]|3\\d|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9ae])`,
  'i',
)

/**
 * Refuses a path that is not in its normal form. A gateway that decides by the normal form and forwards the path as it
 * came would show a client an endpoint that is not for clients.
 *
 * Below `/verify/` a gateway appends the path of another application, whose only rule is that it stays below.
 */
async function normalPath(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', ({ is404, originalUrl }, _reply, done) => {
    // What leads to no endpoint is a 404.
    if (is404) return done()
    const [path = ''] = originalUrl.split('?', 1)
    const isWrong = (path.startsWith('/verify/') ? DOT_SEGMENT : NOT_NORMAL).test(path)
    done(
      isWrong ? app.problem('invalid_request', { detail: 'The path is not in its normal form' }) : undefined,
    )
  })
}

export default fp(normalPath, { name: 'postern-normal-path', dependencies: ['postern-problem'] })
