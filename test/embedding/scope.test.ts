import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { ada, assertProblem, bearer, createToken, post } from '../helper.ts'
import { addNotes, assertWorks, CHEAP, createHost, createHostWithPostern, postern } from './host.ts'

t.test('needs no options', async (t) => {
  const host = createHost(t)
  await host.register(postern)
  addNotes(host)

  await assertWorks(t, host)
})

t.test('has its endpoints only under the prefix', async (t) => {
  const host = await createHostWithPostern(t, { prefix: '/api/v1/auth' })

  await assertWorks(t, host, '/api/v1/auth')
  for (const url of ['/register', '/login', '/getUser', '/verify', '/auth/login']) {
    t.equal((await host.inject({ method: 'POST', url })).statusCode, 404, url)
  }
  const metadata = (await host.inject('/api/v1/auth/.well-known/oauth-authorization-server')).json()
  t.match(metadata.token_endpoint, /^http:\/\/.+\/api\/v1\/auth\/login$/)
})

t.test('does not affect the host’s own routes', async (t) => {
  const host = await createHostWithPostern(t)
  host.get('/open', async (request) => ({ auth: request.auth }))

  const answer = await host.inject({ url: '/open', headers: bearer(await createToken(host)) })

  t.strictSame(answer.json(), { auth: null })
  t.notOk('cache-control' in answer.headers)
})

t.test('adds two names to a host app, and one to its requests', async (t) => {
  const host = createHost(t)
  const before = new Set([...Object.keys(host), ...Object.getOwnPropertyNames(host)])
  host.get('/request', async (request, reply) => ({
    request: namesOf(request).filter((name) => !pristine.request.includes(name)),
    reply: namesOf(reply).filter((name) => !pristine.reply.includes(name)),
  }))
  const pristine = await namesInARequest(createHost(t))

  await host.register(postern, CHEAP)

  const added = Object.getOwnPropertyNames(host).filter((name) => !before.has(name))
  t.strictSame(added.sort(), ['authenticate', 'postern'])
  t.strictSame((await host.inject('/request')).json(), { request: ['auth'], reply: [] })
})

function namesOf(object: object): string[] {
  const names: string[] = []
  for (let level = object; level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    names.push(...Object.getOwnPropertyNames(level))
  }
  return names
}

async function namesInARequest(host: FastifyInstance): Promise<{ request: string[]; reply: string[] }> {
  host.get('/', async (request, reply) => ({ request: namesOf(request), reply: namesOf(reply) }))
  return (await host.inject('/')).json()
}

t.test('is visible only in the child in which it is registered', async (t) => {
  const host = createHost(t)
  await host.register(async (child) => {
    await child.register(postern, { ...CHEAP, prefix: '/auth' })
    addNotes(child)
    t.ok(child.postern)
  })
  host.get('/outside', async (request) => ({ auth: 'auth' in request }))
  await host.ready()

  t.notOk(host.hasDecorator('postern'))
  t.notOk(host.hasDecorator('authenticate'))
  t.notOk(host.hasRequestDecorator('auth'))
  t.strictSame((await host.inject('/outside')).json(), { auth: false })
  await assertWorks(t, host, '/auth')
})

t.test('is visible to the children of the app in which it is registered', async (t) => {
  const host = createHost(t)
  await host.register(postern, CHEAP)
  await host.register(async (child) => addNotes(child))

  await assertWorks(t, host)
})

t.test('refuses a second registration in one app', async (t) => {
  const host = await createHostWithPostern(t, { prefix: '/staff' })

  await t.rejects(async () => await host.register(postern, { ...CHEAP, prefix: '/customers' }), {
    message: /^Postern is registered here already\. Register Postern in a child: .+$/,
  })
})

t.test('refuses an app in which one of its names is taken', async (t) => {
  const one = createHost(t)
  one.decorate('authenticate', async () => {})
  await t.rejects(async () => await one.register(postern, CHEAP), {
    message: /^app\.authenticate is taken already\. .+$/,
  })

  const other = createHost(t)
  other.decorateRequest('auth', null)
  await t.rejects(async () => await other.register(postern, CHEAP), {
    message: /^request\.auth is taken already.+$/,
  })
})

t.test('works beside host decorators with the names of its inner ones', async (t) => {
  const host = createHost(t)
  const names = [
    'accounts',
    'audit',
    'clientAddress',
    'clients',
    'database',
    'hooks',
    'metrics',
    'passwords',
    'problem',
    'signingKeys',
    'throttling',
    'tokens',
  ]
  for (const name of names) host.decorate(name, `the host’s ${name}`)
  await host.register(postern, CHEAP)
  addNotes(host)

  await assertWorks(t, host)
  for (const name of names) t.equal(host.getDecorator(name), `the host’s ${name}`)
})

t.test('serves two sets of users in one host app, each with its own tokens', async (t) => {
  const host = createHost(t)
  for (const prefix of ['/staff', '/customers']) {
    await host.register(async (child) => {
      await child.register(postern, { ...CHEAP, prefix })
      child.get(`${prefix}/notes`, { onRequest: child.authenticate }, async ({ auth }) => ({
        of: auth?.email,
      }))
    })
  }
  const staff = bearer(await createToken(host, ada, '/staff'))

  t.strictSame((await host.inject({ url: '/staff/notes', headers: staff })).json(), { of: ada.email })
  t.equal((await host.inject({ url: '/customers/notes', headers: staff })).statusCode, 401)
  assertProblem(t, await host.inject({ url: '/customers/getUser', headers: staff }), 'invalid_token')
  const { email, password } = ada
  assertProblem(t, await post(host, '/customers/login', { email, password }), 'invalid_credentials')
  const customer = bearer(await createToken(host, ada, '/customers'))
  t.equal((await host.inject({ url: '/customers/notes', headers: customer })).statusCode, 200)
  await host.inject({ method: 'POST', url: '/customers/logout', headers: customer })
  t.equal((await host.inject({ url: '/staff/notes', headers: staff })).statusCode, 200)
})

t.test('can be registered in a child of an app that has one too', async (t) => {
  const host = await createHostWithPostern(t, { prefix: '/outer' })
  await host.register(async (child) => {
    await child.register(postern, { ...CHEAP, prefix: '/inner' })
    child.get('/inner/notes', { onRequest: child.authenticate }, async ({ auth }) => ({ of: auth?.email }))
  })
  const outer = bearer(await createToken(host, ada, '/outer'))
  const inner = bearer(await createToken(host, ada, '/inner'))

  t.equal((await host.inject({ url: '/notes', headers: outer })).statusCode, 200)
  t.equal((await host.inject({ url: '/notes', headers: inner })).statusCode, 401)
  t.equal((await host.inject({ url: '/inner/notes', headers: inner })).statusCode, 200)
  t.equal((await host.inject({ url: '/inner/notes', headers: outer })).statusCode, 401)
})
