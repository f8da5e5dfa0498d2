import type { FastifyReply } from 'fastify'
import { principal } from '../../plugins/authenticate/request.ts'
import { problemResponses, type Route } from '../schemas.ts'

const identityHeaders = {
  'Remote-User': { type: 'string', description: 'The id; empty in every other answer' },
  'Remote-Email': { type: 'string', description: 'The e-mail' },
  'Remote-Name': { type: 'string', description: 'The name, percent-encoded where it is not printable ASCII' },
}

const VerifySchema = {
  operationId: 'verify',
  summary: 'May a gateway let this request pass',
  description: 'Any other method does the same, and so does any path below.',
  tags: ['Gateways'],
  security: [{ bearer: [] }, { password: [] }],
  response: {
    200: { description: 'It may.', type: 'null', headers: identityHeaders },
    ...problemResponses('authentication_required', 'invalid_token', 'account_disabled'),
  },
}

/**
 * `/verify`, and `/verify/*` for gateways that append the path of the request: whether a gateway may let a request pass, and
 * whose it is. It decides by the token alone: never by the path, the method, the body or `X-Forwarded-*`.
 */
const verify: Route = async (app) => {
  // All of it before the body, which a gateway may announce and not send.
  app.addHook('onRequest', async (request, reply) => {
    setIdentity(reply, '', '', '')
    await app.authenticateForGateway(request)
    const account = request[principal]
    if (account) setIdentity(reply, account.id, account.email, account.name ?? '')
    return reply.send()
  })

  const handler = () => {}
  // A gateway asks with OPTIONS too, for a preflight of its client's: that is not one of ours.
  const config = { cors: false }
  const otherMethods = app.supportedMethods.filter((method) => method !== 'GET')
  app.route({ method: 'GET', url: '/verify', exposeHeadRoute: false, schema: VerifySchema, config, handler })
  app.route({ method: otherMethods, url: '/verify', schema: { hide: true }, config, handler })
  app.route({ method: app.supportedMethods, url: '/verify/*', schema: { hide: true }, config, handler })
}

export default verify

/** Always all three, so that a gateway which copies them overwrites whatever the client sent under their names. */
function setIdentity(reply: FastifyReply, id: string, email: string, name: string): void {
  reply.header('remote-user', id)
  reply.header('remote-email', encodeField(email))
  reply.header('remote-name', encodeField(name))
}

/** What a header field's value cannot carry as it is, and the percent sign that marks it; blanks at the ends would be lost. */
const UNSAFE = /[^\x20-\x7e]+|%|^ | $/gu

/** Text as a header field's value: printable ASCII as it is, all else percent-encoded in UTF-8 (RFC 3986 section 2.1). */
export function encodeField(text: string): string {
  return text.toWellFormed().replace(UNSAFE, encodeURIComponent)
}
