import * as oidc from 'openid-client'
import t, { type Test } from 'tap'
import { ada, bearer } from '../helper.ts'
import { logInAt } from '../server-process.ts'
import { type Issuer, startIssuer } from './issuer.ts'

/** A client that has discovered the endpoints from the issuer's URL (RFC 8414). */
async function configure({ url, id }: Issuer, secret: string): Promise<oidc.Configuration> {
  return await oidc.discovery(url, id, undefined, oidc.ClientSecretBasic(secret), {
    algorithm: 'oauth2',
    execute: [oidc.allowInsecureRequests],
  })
}

async function setScene(t: Test) {
  const issuer = await startIssuer(t)
  const config = await configure(issuer, issuer.secret)
  const token = await logInAt(issuer.url.origin, ada)
  return { issuer, config, token }
}

t.test('introspects tokens (RFC 7662)', async (t) => {
  const { issuer, config, token } = await setScene(t)

  t.match(await oidc.tokenIntrospection(config, token), { active: true, username: ada.email })
  t.same(await oidc.tokenIntrospection(config, 'garbage'), { active: false })
  await fetch(`${issuer.url.origin}/logout`, { method: 'POST', headers: bearer(token) })
  t.same(await oidc.tokenIntrospection(config, token), { active: false })
})

t.test('revokes tokens (RFC 7009)', async (t) => {
  const { issuer, config, token } = await setScene(t)
  const getUser = async () => (await fetch(`${issuer.url.origin}/getUser`, { headers: bearer(token) })).status
  t.equal(await getUser(), 200)

  await oidc.tokenRevocation(config, token)

  t.equal(await getUser(), 401)
  t.same(await oidc.tokenIntrospection(config, token), { active: false })
  await t.resolves(oidc.tokenRevocation(config, token), 'again')
  await t.resolves(oidc.tokenRevocation(config, 'garbage'))
})

t.test('understands errors (RFC 6749 section 5.2)', async (t) => {
  const { issuer, config, token } = await setScene(t)
  const impostor = await configure(issuer, 'wrong')
  const twice = new URLSearchParams([
    ['token_type_hint', 'a'],
    ['token_type_hint', 'b'],
  ])

  const challenged = { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE', status: 401 }
  await t.rejects(oidc.tokenRevocation(impostor, token), challenged)
  await t.rejects(async () => void (await oidc.tokenIntrospection(impostor, token)), challenged)
  const invalid = { code: 'OAUTH_RESPONSE_BODY_ERROR', status: 400, error: 'invalid_request' }
  await t.rejects(oidc.tokenRevocation(config, token, twice), invalid)
  await t.rejects(async () => void (await oidc.tokenIntrospection(config, token, twice)), invalid)
  t.equal((await oidc.tokenIntrospection(config, token)).active, true)
})

t.test('gets a token by the password grant', async (t) => {
  const { config } = await setScene(t)
  const { email: username, password } = ada

  const tokens = await oidc.genericGrantRequest(config, 'password', { username, password })

  t.match(tokens, { token_type: 'bearer', expires_in: 900 })
  t.equal((await oidc.tokenIntrospection(config, tokens.access_token)).active, true)
  await t.rejects(oidc.genericGrantRequest(config, 'password', { username, password: 'wrong' }), {
    code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
  })
})
