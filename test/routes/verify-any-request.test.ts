import { once } from 'node:events'
import { request as httpRequest, METHODS } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import postern from '../../src/index.ts'
import { ada, bearer, createApp, createToken, exchange } from '../helper.ts'

/** Node.js passes a CONNECT on as a socket, not as a request. */
const methods = METHODS.filter((method) => method !== 'CONNECT')

async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

async function ask(port: number, method: string, path: string, headers: Record<string, string>) {
  const asked = httpRequest({ port, host: '127.0.0.1', method, path, headers }).end()
  const [response] = await once(asked, 'response')
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk
  return {
    status: response.statusCode,
    user: response.headers['remote-user'],
    headers: response.headers,
    body,
  }
}

t.test('decides the same for every method', async (t) => {
  const app = await createApp(t, { CORS_ORIGIN: 'https://app.example.com' })
  const token = await createToken(app)
  const port = await listen(app)

  t.ok(methods.includes('PROPFIND') && methods.includes('QUERY'), 'rare methods are included')
  for (const method of methods) {
    for (const path of ['/verify', '/verify/', '/verify/a/b?c=d']) {
      const good = await ask(port, method, path, bearer(token))
      t.same([good.status, good.body], [200, ''], `${method} ${path} with a valid token`)
      t.match(good.user, /^[\da-f-]{36}$/)

      const bad = await ask(port, method, path, bearer('garbage'))
      t.same([bad.status, bad.user], [401, ''], `${method} ${path} with garbage`)
      t.match(bad.headers['www-authenticate'], 'error="invalid_token"')
    }
  }
})

t.test('refuses a browser’s preflight like any request without a token', async (t) => {
  const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'DELETE' }

  for (const CORS_ORIGIN of ['*', 'https://app.example.com']) {
    const app = await createApp(t, { CORS_ORIGIN })
    for (const url of ['/verify', '/verify/orders']) {
      const response = await app.inject({ method: 'OPTIONS', url, headers: preflight })
      t.equal(response.statusCode, 401, `${url} with CORS for ${CORS_ORIGIN}`)
      t.equal(response.headers['remote-user'], '')
    }
  }
})

const LONG = `/${'a'.repeat(8000)}`
const QUERIES = ['?x=%zz', '?access_token=x&path=/admin']
const ODD = [
  '/',
  '//',
  '/a',
  '/login',
  '/..getUser',
  '/%2F',
  '/a//b',
  '/%6cogin',
  '/?/../',
  '/a;b',
  '/*',
  '/:x',
]

for (const [how, paths] of [
  ['odd', [...ODD, LONG, ...QUERIES]],
  ['malformed', ['/%', '/%zz', '/%ff']],
] as const) {
  t.test(`decides the same for every path below /verify, even if it is ${how}`, async (t) => {
    const app = await createApp(t)
    const token = await createToken(app)
    const port = await listen(app)

    for (const path of paths) {
      const good = await ask(port, 'GET', `/verify${path}`, bearer(token))
      t.equal(good.status, 200, `good at ${path.slice(0, 40)}`)
      const bad = await ask(port, 'GET', `/verify${path}`, {})
      t.same([bad.status, bad.user], [401, ''], `none at ${path.slice(0, 40)}`)
    }
  })
}

t.test('decides the same in a host app, under its prefix', async (t) => {
  const host = fastify()
  t.teardown(() => host.close())
  await host.register(postern, { prefix: '/auth', bcryptCost: 10 })
  const { email, password } = ada
  await host.inject({ method: 'POST', url: '/auth/register', payload: { email, password } })
  const login = await host.inject({ method: 'POST', url: '/auth/login', payload: { email, password } })
  const headers = bearer(login.json().access_token)

  for (const url of ['/auth/verify', '/auth/verify/orders/1?x']) {
    for (const method of ['GET', 'HEAD', 'PUT', 'OPTIONS'] as const) {
      t.equal((await host.inject({ method, url, headers })).statusCode, 200, `${method} ${url}`)
      t.equal((await host.inject({ method, url })).statusCode, 401, `${method} ${url}`)
    }
  }
})

t.test('accepts a token only in the Authorization header', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)

  const response = await app.inject({
    method: 'POST',
    url: `/verify?access_token=${token}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded', cookie: `access_token=${token}` },
    payload: `access_token=${token}`,
  })

  t.equal(response.statusCode, 401)
})

t.test('ignores what a proxy says about the request', async (t) => {
  const app = await createApp(t, { TRUST_PROXY: '127.0.0.1' })
  const token = await createToken(app)
  const said = [
    { 'x-forwarded-uri': '/login', 'x-forwarded-method': 'OPTIONS', 'x-forwarded-host': 'internal' },
    { 'x-original-url': '/healthz', 'x-original-uri': '/healthz', 'x-rewrite-url': '/healthz' },
    { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1' },
    { 'x-forwarded-for': 'not an address', 'x-forwarded-proto': 'gopher', 'x-forwarded-port': '-1' },
    { 'x-http-method-override': 'DELETE', 'x-forwarded-user': 'root', 'remote-user': 'root' },
  ]

  for (const headers of said) {
    const good = await app.inject({ url: '/verify', headers: { ...headers, ...bearer(token) } })
    t.equal(good.statusCode, 200, JSON.stringify(headers))
    const bad = await app.inject({ url: '/verify', headers })
    t.equal(bad.statusCode, 401, JSON.stringify(headers))
    t.equal(bad.headers['remote-user'], '')
  }
})

t.test('ignores any body', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)
  const bodies = [
    { 'content-type': 'application/json', payload: '{"unfinished' },
    { 'content-type': 'application/json', payload: '' },
    { 'content-type': 'application/json', payload: 'x'.repeat(1_000_000) },
    { 'content-type': 'text/html', payload: '<p>' },
    { 'content-type': 'no media type', payload: '\0' },
    { 'content-type': 'multipart/form-data', payload: 'no boundary' },
  ]

  for (const { payload, ...headers } of bodies) {
    const what = `${headers['content-type']} of ${payload.length}`
    const good = await app.inject({
      method: 'POST',
      url: '/verify',
      payload,
      headers: { ...headers, ...bearer(token) },
    })
    t.equal(good.statusCode, 200, what)
    const bad = await app.inject({ method: 'PUT', url: '/verify/x', payload, headers })
    t.equal(bad.statusCode, 401, what)
  }
})

t.test('does not wait for the body', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)
  const port = await listen(app)

  for (const announcement of [
    'Content-Length: 4000000000',
    'Content-Length: 10',
    'Transfer-Encoding: chunked',
  ]) {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8')
    socket.write(
      `POST /verify HTTP/1.1\r\nHost: postern\r\nAuthorization: Bearer ${token}\r\n${announcement}\r\n\r\n`,
    )
    const [answer] = await once(socket, 'data')
    socket.destroy()
    t.match(answer, /^HTTP\/1\.1 200 OK\r\n/, announcement)
    t.match(answer, /\r\nremote-user: [\da-f]/)
  }
})

t.test('answers the next request on a connection after an unread body', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)
  const body = 'GET /verify HTTP/1.1\r\nHost: smuggled\r\n\r\n'.repeat(10_000)

  const answer = await exchange(
    app,
    `POST /verify/orders HTTP/1.1\r\nHost: postern\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
      `GET /verify HTTP/1.1\r\nHost: postern\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )

  t.same(answer.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 401', 'HTTP/1.1 200'])
})
