import t from 'tap'
import { assertProblem, createApp, exchange } from '../helper.ts'
import { prefix } from '../packed-host.ts'

const PATH = '/.well-known/oauth-authorization-server'

/** The metadata that does not depend on the address. */
const ALWAYS = {
  grant_types_supported: [],
  response_types_supported: [],
  token_endpoint_auth_methods_supported: ['none'],
  introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
  revocation_endpoint_auth_methods_supported: ['client_secret_basic'],
}

function endpointsAt(base: string): object {
  return {
    token_endpoint: `${base}/login`,
    jwks_uri: `${base}/.well-known/jwks.json`,
    introspection_endpoint: `${base}/introspect`,
    revocation_endpoint: `${base}/revoke`,
  }
}

t.test('lists the endpoints under the issuer’s URL', async (t) => {
  for (const [ISSUER, base] of [
    ['https://auth.example.com', 'https://auth.example.com'],
    ['https://auth.example.com/', 'https://auth.example.com'],
    ['https://example.com/auth', 'https://example.com/auth'],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
  ] as const) {
    const app = await createApp(t, { ISSUER })

    const answer = await app.inject({ url: PATH, headers: { host: 'elsewhere.example.com' } })

    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
    t.equal(answer.headers['cache-control'], 'public, max-age=300')
    t.strictSame(answer.json(), { issuer: ISSUER, ...endpointsAt(base), ...ALWAYS })
  }
})

t.test(
  'uses the address of the request if the issuer is not a URL, and must then not be cached',
  async (t) => {
    for (const ISSUER of ['postern', 'urn:example:postern', 'https://']) {
      const app = await createApp(t, { ISSUER })

      const answer = await app.inject({ url: PATH, headers: { host: 'auth.example.com:8080' } })

      t.equal(answer.statusCode, 200)
      t.equal(answer.headers['cache-control'], 'no-store')
      t.strictSame(answer.json(), {
        issuer: ISSUER,
        ...endpointsAt(`http://auth.example.com:8080${prefix}`),
        ...ALWAYS,
      })
    }
  },
)

t.test('takes the address from a proxy only if it is trusted', async (t) => {
  const headers = {
    host: '10.0.0.1:3000',
    'x-forwarded-host': 'auth.example.com',
    'x-forwarded-proto': 'https',
  }

  const trusting = await createApp(t, { TRUST_PROXY: '127.0.0.1' })
  const behind = await trusting.inject({ url: PATH, headers })
  t.equal(behind.json().jwks_uri, `https://auth.example.com${prefix}/.well-known/jwks.json`)

  const suspicious = await createApp(t)
  const direct = await suspicious.inject({ url: PATH, headers })
  t.equal(direct.json().jwks_uri, `http://10.0.0.1:3000${prefix}/.well-known/jwks.json`)
})

t.test('lists endpoints that exist', async (t) => {
  const app = await createApp(t)
  const metadata = (await app.inject(PATH)).json()

  for (const name of Object.keys(endpointsAt(''))) {
    const answer = await app.inject({ method: name === 'jwks_uri' ? 'GET' : 'POST', url: metadata[name] })
    t.not(answer.statusCode, 404, name)
    t.not(answer.statusCode, 405, name)
  }
})

t.test('refuses another method, and a request whose header is too large', async (t) => {
  const app = await createApp(t)

  const head = await app.inject({ method: 'HEAD', url: PATH })
  t.same([head.statusCode, head.body], [200, ''])
  const wrong = await app.inject({ method: 'POST', url: PATH })
  assertProblem(t, wrong, 'method_not_allowed')
  t.equal(wrong.headers['allow'], 'GET, HEAD')

  const large = await exchange(
    app,
    `GET ${PATH} HTTP/1.1\r\nHost: postern\r\nX-Large: ${'x'.repeat(17_000)}\r\n\r\n`,
  )
  t.match(large, /^HTTP\/1\.1 431 /)
})
