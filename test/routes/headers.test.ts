import t from 'tap'
import { assertProblem, bearer, collectLog, createApp, createToken, post } from '../helper.ts'

const PAGE = 'https://app.example.com'

t.test('sends headers that keep browsers from misusing a response', async (t) => {
  const app = await createApp(t)
  for (const url of ['/getUser', '/login', '/nothing', '/healthz', '/openapi.json', '/docs']) {
    const { headers } = await app.inject(url)
    t.equal(headers['x-content-type-options'], 'nosniff', url)
    t.equal(headers['x-frame-options'], 'DENY', url)
    t.equal(headers['referrer-policy'], 'no-referrer', url)
    t.match(headers['content-security-policy'], /^default-src 'none'.*frame-ancestors 'none'/, url)
    t.notOk(headers['x-powered-by'], url)
    t.notOk(headers['server'], url)
  }
})

t.test('returns and logs the request id that the caller sent', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'info' }, log.stream)

  for (const id of ['a', 'trace-7:1/2.3_4=+', 'x'.repeat(128), '0123456789abcdef']) {
    const answer = await app.inject({ url: '/getUser', headers: { 'x-request-id': id } })
    t.equal(answer.headers['x-request-id'], id)
    t.match(log.text(), `"reqId":"${id}"`)
  }
})

t.test('creates a request id if the caller sent none that is safe to log', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'info' }, log.stream)
  const seen = new Set<unknown>()
  const ids = [
    undefined,
    '',
    ' ',
    'x'.repeat(129),
    'a b',
    '"}{"level":60',
    '<script>',
    'a,b',
    '\u001b[2J',
    'é',
  ]

  for (const id of ids) {
    const answer = await app.inject({
      url: '/nothing',
      headers: id === undefined ? {} : { 'x-request-id': id },
    })
    const own = answer.headers['x-request-id']
    t.match(own, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    seen.add(own)
  }
  t.equal(seen.size, ids.length)
  t.notMatch(log.text(), '<script>')
})

t.test('allows no other origin by default', async (t) => {
  const app = await createApp(t)
  const headers = { origin: PAGE, 'access-control-request-method': 'POST' }

  for (const method of ['GET', 'OPTIONS'] as const) {
    const answer = await app.inject({ method, url: '/login', headers })
    t.notOk(answer.headers['access-control-allow-origin'], method)
  }
})

t.test('allows the origins of CORS_ORIGIN and no others', async (t) => {
  const app = await createApp(t, { CORS_ORIGIN: `${PAGE}, https://admin.example.com` })
  const token = await createToken(app)

  for (const origin of [PAGE, 'https://admin.example.com']) {
    const answer = await app.inject({ url: '/getUser', headers: { ...bearer(token), origin } })
    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['access-control-allow-origin'], origin)
    t.match(answer.headers['vary'], /origin/i)
    t.match(answer.headers['access-control-expose-headers'], /www-authenticate/i)
    t.notOk(answer.headers['access-control-allow-credentials'], 'tokens do not need credentials')
  }
  for (const origin of ['https://evil.example', 'http://app.example.com', `${PAGE}.evil.example`, 'null']) {
    const answer = await app.inject({ url: '/getUser', headers: { origin } })
    t.notOk(answer.headers['access-control-allow-origin'], origin)
    t.match(answer.headers['vary'], /origin/i, origin)
  }
  const refused = await post(app, '/login', {}, { origin: PAGE })
  t.equal(refused.statusCode, 400)
  t.equal(refused.headers['access-control-allow-origin'], PAGE, 'a page can read an error response too')
})

t.test('answers a preflight request', async (t) => {
  const app = await createApp(t, { CORS_ORIGIN: PAGE })

  for (const [url, method] of [
    ['/register', 'POST'],
    ['/login', 'POST'],
    ['/logout', 'POST'],
    ['/getUser', 'GET'],
  ] as const) {
    const { statusCode, headers } = await app.inject({
      method: 'OPTIONS',
      url,
      headers: {
        origin: PAGE,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization, content-type',
      },
    })
    t.equal(statusCode, 204, url)
    t.equal(headers['access-control-allow-origin'], PAGE)
    t.match(headers['access-control-allow-methods'], new RegExp(`\\b${method}\\b`))
    t.match(headers['access-control-allow-headers'], /authorization, ?content-type/i)
  }
})

t.test('answers an OPTIONS request that is not a preflight without an error', async (t) => {
  const app = await createApp(t, { CORS_ORIGIN: PAGE })

  for (const headers of [{}, { origin: PAGE }, { 'access-control-request-method': 'POST' }]) {
    const answer = await app.inject({ method: 'OPTIONS', url: '/login', headers })
    t.equal(answer.statusCode, 204, JSON.stringify(headers))
  }
})

t.test('never treats a gateway’s request to /verify as a preflight', async (t) => {
  const app = await createApp(t, { CORS_ORIGIN: PAGE })
  const headers = { origin: PAGE, 'access-control-request-method': 'POST' }

  for (const url of ['/verify', '/verify/some/path']) {
    const refused = await app.inject({ method: 'OPTIONS', url, headers })
    assertProblem(t, refused, 'authentication_required', url)
    t.notOk(
      refused.headers['access-control-allow-origin'],
      'CORS is up to the application behind the gateway',
    )
  }
})
