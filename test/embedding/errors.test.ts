import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import type { FastifyInstance, preHandlerHookHandler } from 'fastify'
import t, { type Test } from 'tap'
import type { Problem } from '../../src/index.ts'
import { ada, bearer, createToken } from '../helper.ts'
import { addNotes, CHEAP, createHost, createHostWithPostern, postern } from './host.ts'

const secretKey = 'a secret of the host’s own, which is long'

/** Requests that a guarded route refuses, and the expected error of each. */
const REFUSED = [
  {
    about: 'no token',
    headers: {},
    code: 'authentication_required',
    message: 'A bearer token is required',
    challenge: 'Bearer',
  },
  {
    about: 'a foreign token',
    headers: bearer('a.b.c'),
    code: 'invalid_token',
    message: 'The access token was not issued here',
    challenge: 'Bearer error="invalid_token", error_description="The access token was not issued here"',
  },
  {
    about: 'an incomplete header',
    headers: { authorization: 'Bearer' },
    code: 'invalid_token',
    message: 'The Authorization header is malformed',
    challenge: 'Bearer error="invalid_token", error_description="The Authorization header is malformed"',
  },
]

t.test('Fastify’s error handler sends errors with their headers', async (t) => {
  const host = await createHostWithPostern(t)
  for (const { about, headers, code, message, challenge } of REFUSED) {
    const answer = await host.inject({ url: '/notes', headers })
    t.equal(answer.statusCode, 401, about)
    t.strictSame(answer.json(), { statusCode: 401, code, error: 'Unauthorized', message })
    t.equal(answer.headers['www-authenticate'], challenge)
    t.equal(answer.headers['cache-control'], 'no-store')
    t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  }
})

t.test('errors keep their headers under a host’s simple error handler', async (t) => {
  const host = createHost(t)
  host.setErrorHandler<Problem>((error, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ oops: error.code }),
  )
  await host.register(postern, CHEAP)
  addNotes(host)
  for (const { about, headers, code, challenge } of REFUSED) {
    const answer = await host.inject({ url: '/notes', headers })
    t.equal(answer.statusCode, 401, about)
    t.strictSame(answer.json(), { oops: code })
    t.equal(answer.headers['www-authenticate'], challenge)
    t.equal(answer.headers['cache-control'], 'no-store')
  }
})

t.test('errors have a status, a code, a message and headers for an error handler', async (t) => {
  const host = await createHostWithPostern(t)
  for (const { headers, code, message, challenge } of REFUSED) {
    const request = { headers } as Parameters<typeof host.authenticate>[0]
    const error: Problem = await host.authenticate(request).then(
      () => t.fail('admitted'),
      (error) => error,
    )
    t.ok(error instanceof Error)
    t.match(error, { statusCode: 401, code, message, headers: { 'www-authenticate': challenge } })
  }
})

t.test('a guard works in any phase, and for many routes', async (t) => {
  const host = await createHostWithPostern(t)
  await host.register(async (child) => {
    child.addHook('preHandler', host.authenticate)
    child.get('/child', async ({ auth }) => ({ of: auth?.email }))
  })
  host.get('/inside', async (request, reply) => {
    await host.authenticate(request, reply)
    return { of: request.auth?.email }
  })
  const headers = bearer(await createToken(host))
  for (const url of ['/child', '/inside']) {
    t.strictSame((await host.inject({ url, headers })).json(), { of: ada.email })
    const refused = await host.inject(url)
    t.equal(refused.statusCode, 401)
    t.equal(refused.headers['www-authenticate'], 'Bearer')
  }
})

t.test('an optional guard admits a request without a token, and refuses a bad token', async (t) => {
  const host = await createHostWithPostern(t)
  host.get('/both', { onRequest: host.authenticate.optional }, async ({ auth }) => ({
    of: auth?.email ?? null,
  }))
  const headers = bearer(await createToken(host))

  t.strictSame((await host.inject('/both')).json(), { of: null })
  t.strictSame((await host.inject({ url: '/both', headers })).json(), { of: ada.email })
  const refused = await host.inject({ url: '/both', headers: bearer('a.b.c') })
  t.equal(refused.statusCode, 401)
  t.match(refused.headers['www-authenticate'], 'error="invalid_token"')
})

t.test('a route that changes request.auth does not affect other requests', async (t) => {
  const host = await createHostWithPostern(t)
  host.get('/careless', { onRequest: host.authenticate }, async ({ auth }) => {
    const before = { ...auth }
    try {
      Object.assign(auth ?? {}, { userId: 'somebody else', email: 'eve@example.com' })
    } catch {}
    return before
  })
  const headers = bearer(await createToken(host))

  const [first, second] = [
    await host.inject({ url: '/careless', headers }),
    await host.inject({ url: '/careless', headers }),
  ]

  t.equal(first.json().email, ada.email)
  t.strictSame(second.json(), first.json())
})

t.test('a host may replace request.auth', async (t) => {
  const host = await createHostWithPostern(t)
  const preHandler: preHandlerHookHandler = (request, _reply, done) => {
    request.auth = request.headers['x-nobody']
      ? null
      : Object.assign({}, request.auth, { email: 'eve@example.com' })
    done()
  }
  host.get('/own', { onRequest: host.authenticate, preHandler }, async ({ auth }) => ({
    of: auth?.email ?? null,
  }))
  const headers = bearer(await createToken(host))

  t.equal((await host.inject({ url: '/own', headers })).json().of, 'eve@example.com')
  t.equal((await host.inject({ url: '/own', headers: { ...headers, 'x-nobody': '1' } })).json().of, null)
})

/** Ways in which a running host app loses its database. */
const outages: Record<string, (t: Test) => Promise<{ host: FastifyInstance; end(): void }>> = {
  'the host has closed its handle': async (t) => {
    const database = new SqliteDriver(join(t.testdir(), 'host.db'))
    const host = await createHostWithPostern(t, { database, secretKey })
    return { host, end: () => void database.close() }
  },
  'the file has been damaged': async (t) => {
    const path = join(t.testdir(), 'host.db')
    const database = new SqliteDriver(path)
    const host = await createHostWithPostern(t, { database, secretKey })
    t.teardown(() => database.close())
    const beside = new SqliteDriver(path)
    return {
      host,
      end() {
        beside.unsafeMode(true)
        beside.pragma('writable_schema = on')
        beside.prepare("update sqlite_schema set sql = 'damaged' where name = 'postern_users'").run()
        beside.pragma('schema_version = 999')
        beside.close()
      },
    }
  },
}

for (const [about, prepare] of Object.entries(outages)) {
  t.test(`a guard answers 503, not 200 or 401, once ${about}`, async (t) => {
    const { host, end } = await prepare(t)
    const headers = bearer(await createToken(host))
    t.equal((await host.inject({ url: '/notes', headers })).statusCode, 200)

    end()

    for (const url of ['/notes', '/getUser']) {
      const answer = await host.inject({ url, headers })
      t.equal(answer.statusCode, 503, url)
      t.equal(answer.json().code, 'database_unavailable')
      t.match(answer.headers['retry-after'], /^\d+$/)
      t.notMatch(answer.body, /damaged|select|SQLITE/i)
    }
  })
}
