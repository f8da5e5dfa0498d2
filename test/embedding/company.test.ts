import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import sensible from '@fastify/sensible'
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { ada, bearer, post } from '../helper.ts'
import { addNotes, assertWorks, CHEAP, createHost, postern } from './host.ts'

/** A plugin that a host app may use beside Postern, and a check that the plugin still works. */
interface Neighbour {
  register(host: FastifyInstance): Promise<unknown>
  /** Registers a route of the host app, before the start. */
  use?(host: FastifyInstance): void
  check(t: Test, host: FastifyInstance): Promise<void>
}

const neighbours: Record<string, Neighbour> = {
  '@fastify/jwt': {
    register: async (host) => host.register(jwt, { secret: 'a secret of the host’s own, which is long' }),
    use: (host) => {
      host.get('/of-host', async (request) => await request.jwtVerify())
    },
    async check(t, host) {
      const token = host.jwt.sign({ host: true })
      t.match((await host.inject({ url: '/of-host', headers: bearer(token) })).json(), { host: true })
      t.equal((await host.inject({ url: '/notes', headers: bearer(token) })).statusCode, 401)
      await post(host, '/auth/register', { ...ada, email: 'eve@example.com' })
      const login = await post(host, '/auth/login', { email: 'eve@example.com', password: ada.password })
      const ours = bearer(login.json().access_token)
      t.equal((await host.inject({ url: '/notes', headers: ours })).statusCode, 200)
      t.not((await host.inject({ url: '/of-host', headers: ours })).statusCode, 200)
    },
  },
  '@fastify/sensible': {
    register: async (host) => host.register(sensible),
    use: (host) => {
      host.get('/of-host', async (_request, reply) => reply.imateapot())
    },
    async check(t, host) {
      const answer = await host.inject('/of-host')
      t.equal(answer.statusCode, 418)
      t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
    },
  },
  '@fastify/swagger': {
    register: async (host) => host.register(swagger, { openapi: { openapi: '3.1.0' } }),
    async check(t, host) {
      t.ok(host.swagger().paths)
    },
  },
  '@fastify/helmet': {
    register: async (host) => host.register(helmet),
    async check(t, host) {
      for (const url of ['/notes', '/auth/getUser']) {
        t.equal((await host.inject(url)).headers['x-frame-options'], 'SAMEORIGIN', url)
      }
    },
  },
  '@fastify/cors': {
    register: async (host) => host.register(cors, { origin: 'https://app.example.com' }),
    async check(t, host) {
      const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'POST' }
      const preflight = await host.inject({ method: 'OPTIONS', url: '/auth/login', headers })
      t.equal(preflight.statusCode, 204)
      t.equal(preflight.headers['access-control-allow-origin'], 'https://app.example.com')
      const answer = await host.inject({ url: '/auth/getUser', headers })
      t.equal(answer.headers['access-control-allow-origin'], 'https://app.example.com')
    },
  },
  '@fastify/rate-limit': {
    register: async (host) => host.register(rateLimit, { max: 40 }),
    async check(t, host) {
      const answers = []
      for (let i = 0; i < 40; i++) answers.push(await post(host, '/auth/login', {}))
      const last = answers.at(-1)
      t.equal(last?.statusCode, 429)
      t.match(last?.json(), { code: 'too_many_requests', status: 429 })
      t.match(last?.headers['retry-after'], /^\d+$/)
    },
  },
}

for (const [name, { register, use, check }] of Object.entries(neighbours)) {
  t.test(`works after ${name} has been registered`, async (t) => {
    const host = createHost(t)
    await register(host)
    await host.register(postern, { ...CHEAP, prefix: '/auth' })
    use?.(host)
    addNotes(host)

    await assertWorks(t, host, '/auth')
    await check(t, host)
  })

  t.test(`works before ${name} is registered`, async (t) => {
    const host = createHost(t)
    await host.register(postern, { ...CHEAP, prefix: '/auth' })
    await register(host)
    use?.(host)
    addNotes(host)

    await assertWorks(t, host, '/auth')
    t.equal((await host.inject({ url: '/auth/getUser', headers: bearer('x') })).statusCode, 401)
  })
}

t.test('works with all of them at once', async (t) => {
  const host = createHost(t)
  const [first = [], second = []] = [0, 1].map((half) =>
    Object.values(neighbours).filter((_neighbour, index) => index % 2 === half),
  )
  for (const { register } of first) await register(host)
  await host.register(postern, { ...CHEAP, prefix: '/auth' })
  for (const { register } of second) await register(host)
  addNotes(host)

  await assertWorks(t, host, '/auth')
})
