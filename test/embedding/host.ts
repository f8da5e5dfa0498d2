import fastify, { type FastifyInstance, type FastifyServerOptions, type RegisterOptions } from 'fastify'
import type { Test } from 'tap'
import type { PosternOptions } from '../../src/index.ts'
import { ada, assertProblem, bearer, credentials, post } from '../helper.ts'
import { packedPlugin } from '../packed-host.ts'

/** The plugin, as a URL: that of this repository, or the packed one. */
export const PLUGIN = packedPlugin ?? new URL('../../src/index.ts', import.meta.url).href

export const {
  default: postern,
  migrate,
  InvalidOptionsError,
  OptionsSchema,
} = (await import(PLUGIN)) as typeof import('../../src/index.ts')

/** The exports of `postern/drizzle`. */
export const { createTables, users } = (await import(
  PLUGIN.replace(/index\.(js|ts)$/, 'drizzle.$1')
)) as typeof import('../../src/drizzle.ts')

/** The exports of `postern/drizzle/postgres`. */
export const postgresTables = (await import(
  PLUGIN.replace(/index\.(js|ts)$/, 'drizzle-postgres.$1')
)) as typeof import('../../src/drizzle-postgres.ts')

/** The cheapest hashes that the options allow. */
export const CHEAP = { bcryptCost: 10 } satisfies PosternOptions

/** A host app, still without Postern. It closes with its test. */
export function createHost(t: Test, options: FastifyServerOptions = {}): FastifyInstance {
  const host = fastify(options) as FastifyInstance
  t.teardown(() => host.close())
  return host
}

/** A host app with Postern and with a guarded route of its own. */
export async function createHostWithPostern(
  t: Test,
  options: PosternOptions & RegisterOptions = {},
  serverOptions: FastifyServerOptions = {},
): Promise<FastifyInstance> {
  const host = createHost(t, serverOptions)
  await host.register(postern, { ...CHEAP, ...options })
  addNotes(host)
  return host
}

/** Adds a guarded route of the host app. */
export function addNotes(host: FastifyInstance): void {
  host.get('/notes', { onRequest: host.authenticate }, async ({ auth }) => ({ of: auth?.email }))
}

/** Asserts that users of the host app can do everything, from registering to logging out. */
export async function assertWorks(t: Test, host: FastifyInstance, prefix = ''): Promise<void> {
  const registered = await post(host, `${prefix}/register`, ada)
  t.equal(registered.statusCode, 201)
  t.same(Object.keys(registered.json()), ['id', 'email', 'name', 'created_at'])
  assertProblem(t, await post(host, `${prefix}/register`, ada), 'email_taken')
  assertProblem(t, await post(host, `${prefix}/register`, { ...ada, admin: true }), 'invalid_request')

  const login = await post(host, `${prefix}/login`, credentials)
  t.same(Object.keys(login.json()), ['access_token', 'token_type', 'expires_in'])
  const form = new URLSearchParams({ username: ada.email, password: ada.password })
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  t.equal((await post(host, `${prefix}/login`, `${form}`, type)).statusCode, 200)

  const headers = bearer(login.json().access_token)
  t.strictSame((await host.inject({ url: `${prefix}/getUser`, headers })).json(), registered.json())
  t.equal((await host.inject({ url: `${prefix}/verify`, headers })).headers['remote-email'], ada.email)
  t.strictSame((await host.inject({ url: '/notes', headers })).json(), { of: ada.email })
  t.equal((await host.inject('/notes')).statusCode, 401)
  const wrongMethod = await host.inject({ method: 'DELETE', url: `${prefix}/getUser` })
  assertProblem(t, wrongMethod, 'method_not_allowed')

  const logout = await host.inject({ method: 'POST', url: `${prefix}/logout`, headers })
  t.strictSame(logout.json(), { details: 'Logged out' })
  assertProblem(t, await host.inject({ url: `${prefix}/getUser`, headers }), 'invalid_token')
  t.equal((await host.inject({ url: '/notes', headers })).statusCode, 401)
}
