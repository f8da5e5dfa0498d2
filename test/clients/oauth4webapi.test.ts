import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import { ada, bearer } from '../helper.ts'
import { logInAt } from '../server-process.ts'
import { type Issuer, startIssuer } from './issuer.ts'

const insecure = { [oauth.allowInsecureRequests]: true }

async function discover({ url }: Issuer): Promise<oauth.AuthorizationServer> {
  const response = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...insecure })
  return await oauth.processDiscoveryResponse(url, response)
}

/** The calls of a resource server that introspects and revokes tokens. */
async function setScene(t: Test) {
  const issuer = await startIssuer(t)
  const as = await discover(issuer)
  const client = { client_id: issuer.id }
  const authentication = oauth.ClientSecretBasic(issuer.secret)
  const introspect = async (token: string, by = authentication, additionalParameters = {}) => {
    const options = { ...insecure, additionalParameters }
    const response = await oauth.introspectionRequest(as, client, by, token, options)
    return await oauth.processIntrospectionResponse(as, client, response)
  }
  const revoke = async (token: string, by = authentication, additionalParameters = {}) => {
    const options = { ...insecure, additionalParameters }
    const response = await oauth.revocationRequest(as, client, by, token, options)
    return await oauth.processRevocationResponse(response)
  }
  return { issuer, as, client, introspect, revoke }
}

t.test('discovers the endpoints (RFC 8414)', async (t) => {
  const issuer = await startIssuer(t)

  const as = await discover(issuer)

  const at = (path: string) => `${issuer.url.origin}${path}`
  t.match(as, {
    issuer: issuer.url.origin,
    token_endpoint: at('/login'),
    jwks_uri: at('/.well-known/jwks.json'),
    introspection_endpoint: at('/introspect'),
    revocation_endpoint: at('/revoke'),
  })
})

t.test('introspects tokens (RFC 7662)', async (t) => {
  const { issuer, introspect } = await setScene(t)
  const token = await logInAt(issuer.url.origin, ada)

  t.match(await introspect(token), {
    active: true,
    username: ada.email,
    iss: issuer.url.origin,
    aud: 'https://api.example.com',
    token_type: 'Bearer',
  })
  t.same(await introspect('garbage'), { active: false })
  await fetch(`${issuer.url.origin}/logout`, { method: 'POST', headers: bearer(token) })
  t.same(await introspect(token), { active: false })
})

t.test('revokes tokens (RFC 7009)', async (t) => {
  const { issuer, introspect, revoke } = await setScene(t)
  const token = await logInAt(issuer.url.origin, ada)
  const other = await logInAt(issuer.url.origin, ada)

  await revoke(token)

  t.same(await introspect(token), { active: false })
  t.equal((await introspect(other)).active, true)
  await t.resolves(revoke(token), 'again')
  await t.resolves(revoke('garbage'))
})

t.test('understands errors (RFC 6749 section 5.2)', async (t) => {
  const { introspect, revoke } = await setScene(t)

  for (const ask of [introspect, revoke]) {
    await t.rejects(ask('x', oauth.ClientSecretBasic('wrong')), {
      code: oauth.WWW_AUTHENTICATE_CHALLENGE,
      cause: [{ scheme: 'basic' }],
    })
    const twice = new URLSearchParams([
      ['token_type_hint', 'a'],
      ['token_type_hint', 'b'],
    ])
    await t.rejects(ask('x', undefined, twice), {
      code: oauth.RESPONSE_BODY_ERROR,
      status: 400,
      error: 'invalid_request',
    })
  }
})

t.test('gets a token by the password grant, and verifies it as a resource server (RFC 9068)', async (t) => {
  const { as } = await setScene(t)
  const client = { client_id: 'an app' }
  const parameters = { username: ada.email, password: ada.password }

  const response = await oauth.genericTokenEndpointRequest(
    as,
    client,
    oauth.None(),
    'password',
    parameters,
    insecure,
  )
  const result = await oauth.processGenericTokenEndpointResponse(as, client, response)

  t.match(result, { token_type: 'bearer', expires_in: 900 })
  const request = new Request('https://api.example.com/orders', { headers: bearer(result.access_token) })
  const claims = await oauth.validateJwtAccessToken(as, request, 'https://api.example.com', insecure)
  t.match(claims, { iss: as.issuer, client_id: 'postern' })
  await t.rejects(oauth.validateJwtAccessToken(as, request, 'https://other.example.com', insecure))

  const refused = await oauth.genericTokenEndpointRequest(
    as,
    client,
    oauth.None(),
    'password',
    { ...parameters, password: 'wrong' },
    insecure,
  )
  await t.rejects(oauth.processGenericTokenEndpointResponse(as, client, refused), {
    code: oauth.WWW_AUTHENTICATE_CHALLENGE,
    status: 401,
  })
})
