import t from 'tap'
import { problems } from '../../plugins/problem/codes.ts'
import {
  assertProblem,
  bearer,
  collectLog,
  createApp,
  createToken,
  exchange,
  parseAnswer,
} from '../helper.ts'

/** The methods of each endpoint, as `Allow` lists them. */
const ENDPOINTS = {
  '/register': 'POST',
  '/login': 'POST',
  '/getUser': 'GET, HEAD',
  '/logout': 'POST, GET',
}

/** The methods of each endpoint that only the process has. */
const PROCESS_ENDPOINTS = {
  '/healthz': 'GET, HEAD',
  '/readyz': 'GET, HEAD',
  '/openapi.json': 'GET, HEAD',
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const

for (const [whose, endpoints] of [
  ['an endpoint', ENDPOINTS],
  ['the process', PROCESS_ENDPOINTS],
] as const) {
  t.test(`answers a method that ${whose} does not support with 405 and those that it does`, async (t) => {
    const app = await createApp(t)
    for (const [url, allow] of Object.entries(endpoints)) {
      for (const method of METHODS.filter((name) => !allow.split(', ').includes(name))) {
        const answer = await app.inject({ method, url, ...(method === 'PUT' && { payload: '{' }) })
        t.equal(answer.statusCode, 405, `${method} ${url}`)
        t.equal(answer.headers['allow'], allow)
        if (method === 'HEAD') t.equal(answer.body, '')
        else assertProblem(t, answer, 'method_not_allowed', `${method} ${url}`)
      }
    }
  })
}

t.test('answers a path that is not exactly an endpoint with 404', async (t) => {
  const app = await createApp(t)
  const headers = bearer(await createToken(app))
  for (const url of [
    '/',
    '/nothing',
    '/getuser',
    '/getUser/',
    '/getUserX',
    '//getUser',
    '/getUser%00',
    '/getUser%2f',
    '/getUser;x=y',
    '/loginX',
    '/register/login',
    '/__proto__',
    '/constructor',
    `/${'a'.repeat(8000)}`,
  ]) {
    for (const method of ['GET', 'POST', 'DELETE'] as const) {
      assertProblem(t, await app.inject({ method, url, headers }), 'not_found', `${method} ${url}`)
    }
    const head = await app.inject({ method: 'HEAD', url })
    t.equal(head.statusCode, 404, `HEAD ${url}`)
    t.equal(head.body, '')
  }
})

t.test('answers a malformed URL with 400 and the request id that is in the log', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
  for (const url of ['/%', '/%zz', '/getUser%', '/%ff', '/%c0%af', '/docs/static/%']) {
    const answer = await app.inject({ url, headers: { 'x-request-id': 'asked-by-ada' } })
    assertProblem(t, answer, 'invalid_request', url)
    t.equal(answer.headers['x-request-id'], 'asked-by-ada')
  }
  t.match(log.text(), '"reqId":"asked-by-ada"')
  assertProblem(
    t,
    await app.inject({ method: 'POST', url: '/login?x=%' }),
    'invalid_request',
    'a query may be malformed',
  )
})

t.test('answers a header over 16 KiB with 431, whichever field is large', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
  const secret = 'Geheimnis-5f3a9c'.repeat(4096)

  for (const line of [
    `Authorization: Bearer ${secret}`,
    `Cookie: token=${secret}`,
    `X-Anything: ${secret}`,
  ]) {
    const request = `GET /getUser HTTP/1.1\r\nHost: postern\r\n${line}\r\nConnection: close\r\n\r\n`
    const { statusCode, headers, body } = parseAnswer(await exchange(app, request))
    t.equal(statusCode, 431, line.slice(0, 20))
    t.equal(headers['content-type'], 'application/problem+json')
    t.equal(headers['cache-control'], 'no-store')
    t.strictSame(JSON.parse(body), {
      type: 'about:blank',
      ...problems.header_fields_too_large,
      code: 'header_fields_too_large',
    })
  }
  t.notMatch(log.text(), 'Geheimnis')
})

t.test('answers malformed HTTP with 400', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
  for (const request of [
    'Geheimnis\r\n\r\n',
    'GET /getUser HTTP/9.9\r\nHost: postern\r\n\r\n',
    'GEHEIMNIS /getUser HTTP/1.1\r\nHost: postern\r\n\r\n',
    'GET /getUser HTTP/1.1\r\nHost: postern\r\nAuthorization Geheimnis\r\n\r\n',
    'GET /getUser HTTP/1.1\r\nHost: postern\r\nAuthorization: Bearer Geheim\0nis\r\n\r\n',
    'GET /get User HTTP/1.1\r\nHost: postern\r\n\r\n',
    'POST /login HTTP/1.1\r\nHost: postern\r\nContent-Length: -1\r\n\r\n',
    'POST /login HTTP/1.1\r\nHost: postern\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'POST /login HTTP/1.1\r\nHost: postern\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ]) {
    const { statusCode, headers, body } = parseAnswer(await exchange(app, request))
    t.equal(statusCode, 400, JSON.stringify(request))
    t.match(headers['content-type'], /^application\/problem\+json/)
    t.match(JSON.parse(body), { status: 400, code: 'invalid_request' })
  }
  const withoutHost = parseAnswer(await exchange(app, 'GET /getUser HTTP/1.1\r\n\r\n'))
  t.equal(withoutHost.statusCode, 400, 'Node.js answers this one itself')
  t.notMatch(log.text(), /geheimnis/i)
  t.equal((await app.inject('/healthz')).statusCode, 200, 'the service goes on')
})

t.test('answers a body of a megabyte with 413, and closes the connection', async (t) => {
  const app = await createApp(t)
  const body = JSON.stringify({ email: 'ada@example.com', password: 'x'.repeat(1_000_000) })
  for (const framing of [`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked']) {
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const request = `POST /login HTTP/1.1\r\nHost: postern\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`
    const answer = parseAnswer(await exchange(app, request + (framing.includes('chunked') ? chunked : body)))
    t.equal(answer.statusCode, 413, framing)
    t.match(JSON.parse(answer.body), { code: 'content_too_large' })
  }
})
