import { principal } from '../../plugins/authenticate/request.ts'
import { sendIdentity } from '../identity.ts'
import { problemResponses, type Route } from '../schemas.ts'

const identityHeaders = {
  'Remote-User': { type: 'string', description: 'The id; empty in every other response' },
  'Remote-Email': { type: 'string', description: 'The e-mail' },
  'Remote-Name': { type: 'string', description: 'The name, percent-encoded where it is not printable ASCII' },
}

const VerifySchema = {
  operationId: 'verify',
  summary: 'Verify a request for a gateway',
  description: 'Any other method does the same, and so does any path below.',
  tags: ['Gateways'],
  security: [{ bearer: [] }, { password: [] }],
  response: {
    200: { description: 'The request may pass.', type: 'null', headers: identityHeaders },
    ...problemResponses('authentication_required', 'invalid_token', 'account_disabled'),
  },
}

/**
 * `/verify`, and `/verify/*` for gateways that append the path of the request: whether a request may pass, and which
 * user sent it. The token alone decides, never the path, the method, the body or `X-Forwarded-*`.
 */
const verify: Route = async (app) => {
  // Answered before the body is read: a gateway may announce one that it does not send.
  app.addHook('onRequest', (request, reply) => {
    const user = request[principal]
    if (!user) throw new Error('verify is registered outside the gateway scope')
    sendIdentity(reply, user)
    reply.send()
  })

  const handler = () => {}
  // Gateways also ask with OPTIONS, for a preflight of the application's. It is not one of ours.
  const config = { cors: false }
  const otherMethods = app.supportedMethods.filter((method) => method !== 'GET')
  app.route({ method: 'GET', url: '/verify', exposeHeadRoute: false, schema: VerifySchema, config, handler })
  app.route({ method: otherMethods, url: '/verify', schema: { hide: true }, config, handler })
  app.route({ method: app.supportedMethods, url: '/verify/*', schema: { hide: true }, config, handler })
}

export default verify
