import { Ajv } from 'ajv'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import t from 'tap'
import { ada, assertProblem, bearer, createToken, post } from '../helper.ts'
import { addNotes, assertWorks, CHEAP, createHost, createHostWithPostern, postern } from './host.ts'

/** A validator compiler that accepts everything, as a host app may use for its own routes. */
const anything = () => () => true

const serverOptions: Record<string, FastifyServerOptions> = {
  'HEAD routes': { exposeHeadRoutes: true },
  'no HEAD routes': { exposeHeadRoutes: false },
  'an Ajv that drops, fills in and converts': {
    ajv: {
      customOptions: { removeAdditional: 'all', useDefaults: true, coerceTypes: 'array', allErrors: false },
    },
  },
  'a strict Ajv that keeps everything': { ajv: { customOptions: { removeAdditional: false, strict: true } } },
  'loose paths': { routerOptions: { ignoreTrailingSlash: true, caseSensitive: false } },
  'a small body limit': { bodyLimit: 10 },
  'a log': { logger: { level: 'fatal' } },
  'no prototype poisoning allowed': { onProtoPoisoning: 'remove', onConstructorPoisoning: 'remove' },
}

for (const [name, options] of Object.entries(serverOptions)) {
  t.test(`works in a host with ${name}`, async (t) => {
    const host = await createHostWithPostern(t, {}, options)

    await assertWorks(t, host)
  })
}

/** Functions that a host app may have set for all of its routes. */
const settings: Record<string, (host: FastifyInstance) => void> = {
  'a validator compiler': (host) => host.setValidatorCompiler(anything),
  'a validator compiler of another Ajv': (host) => {
    const ajv = new Ajv({ removeAdditional: 'all', coerceTypes: true })
    host.setValidatorCompiler(({ schema }) => ajv.compile(schema))
  },
  'a serializer compiler': (host) => host.setSerializerCompiler(() => () => '"serialized by the host"'),
  'a reply serializer': (host) => host.setReplySerializer(() => '"serialized by the host"'),
  'a schema error formatter': (host) =>
    host.setSchemaErrorFormatter(() => new Error('formatted by the host')),
  'an error handler': (host) =>
    host.setErrorHandler((_error, _request, reply) => reply.code(401).send({ handled: 'by the host' })),
  'a not-found handler': (host) =>
    host.setNotFoundHandler((_request, reply) => reply.code(404).send({ missing: 'at the host' })),
  'parsers of its own': (host) => {
    host.removeAllContentTypeParsers()
    host.addContentTypeParser('*', async () => 'parsed by the host')
  },
}

for (const [name, set] of Object.entries(settings)) {
  for (const order of ['before', 'after']) {
    t.test(`works in a host that sets ${name} ${order} Postern`, async (t) => {
      const host = createHost(t)
      if (order === 'before') set(host)
      await host.register(postern, { ...CHEAP, prefix: '/auth' })
      if (order === 'after') set(host)
      host.get(
        '/notes',
        { onRequest: host.authenticate, serializerCompiler: () => JSON.stringify },
        async (request, reply) => reply.serializer(JSON.stringify).send({ of: request.auth?.email }),
      )

      await assertWorks(t, host, '/auth')
    })
  }
}

t.test('a host’s own routes keep its compilers and its body limit', async (t) => {
  const host = createHost(t, { bodyLimit: 100_000 })
  host.setValidatorCompiler(anything)
  host.setSerializerCompiler(() => () => '"serialized by the host"')
  await host.register(postern, CHEAP)
  const schema = { body: { type: 'string' }, response: { 200: { type: 'object' } } }
  host.post('/mine', { schema }, async () => ({}))

  const answer = await post(host, '/mine', { long: 'x'.repeat(50_000) })

  t.equal(answer.statusCode, 200)
  t.equal(answer.body, '"serialized by the host"')
})

t.test('refuses a body of more than 16 KiB, whatever limit the host has', async (t) => {
  const host = await createHostWithPostern(t, {}, { bodyLimit: 10_000_000 })
  for (const url of ['/register', '/login']) {
    const long = { email: ada.email, password: 'x'.repeat(16_384) }
    assertProblem(t, await post(host, url, long), 'content_too_large', url)
  }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  assertProblem(t, await post(host, '/login', `username=${'x'.repeat(16_384)}`, form), 'content_too_large')
})

t.test('leaves 404 and HEAD to the host', async (t) => {
  const host = createHost(t, { exposeHeadRoutes: false })
  host.setNotFoundHandler((_request, reply) => reply.code(404).send({ missing: 'at the host' }))
  await host.register(postern, { ...CHEAP, prefix: '/auth' })
  addNotes(host)

  t.strictSame((await host.inject('/auth/nothing')).json(), { missing: 'at the host' })
  t.strictSame(
    (await host.inject('/getUser')).json(),
    { missing: 'at the host' },
    'no endpoint without the prefix',
  )
  const headers = bearer(await createToken(host, ada, '/auth'))
  t.equal((await host.inject({ method: 'HEAD', url: '/notes', headers })).statusCode, 404)
  t.equal((await host.inject({ method: 'HEAD', url: '/auth/getUser', headers })).statusCode, 200)
})
