import { type AddressInfo, connect } from 'node:net'
import { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { type ProblemCode, problems } from '../plugins/problem/codes.ts'
import { buildApp } from '../src/app.ts'
import { type Config, readConfig } from '../src/settings/environment.ts'
import { buildPackedHost, isPacked } from './packed-host.ts'
import { isPostgres, sharedSettings } from './shared-database.ts'

/** The cheapest hashes that the settings allow. */
const TEST_SETTINGS = {
  DATABASE_URL: ':memory:',
  BCRYPT_COST: '10',
  LOG_LEVEL: 'silent',
  // All requests of a test come from one address.
  THROTTLE: 'false',
}

/**
 * Builds the whole server, without a socket. Unless `settings` name a database, it has one of its own: in memory, or a
 * schema of PostgreSQL. It closes with its test.
 */
export async function createApp(
  t: Test,
  settings: Record<string, string> = {},
  logStream?: NodeJS.WritableStream,
): Promise<FastifyInstance> {
  const build = isPacked ? buildPackedHost : buildApp
  const own = isPostgres && settings['DATABASE_URL'] === undefined ? await sharedSettings(t) : {}
  const app = await build(createConfig({ ...own, ...settings }), logStream)
  t.teardown(() => app.close())
  return app
}

/** Reads the settings of a test as from the environment. */
export function createConfig(settings: Record<string, string> = {}): Config {
  return readConfig({ ...TEST_SETTINGS, ...settings })
}

/** A user to register and to log in. */
export const ada = {
  email: 'ada@example.com',
  password: 'correct horse battery staple',
  name: 'Ada Lovelace',
}

/** The body of their login. */
export const credentials = { email: ada.email, password: ada.password }

/** Registers a user and logs in. @returns an access token */
export async function createToken(
  app: FastifyInstance,
  user: typeof ada = ada,
  prefix = '',
): Promise<string> {
  await app.inject({ method: 'POST', url: `${prefix}/register`, payload: user })
  return await logIn(app, user, prefix)
}

/** Logs a user in. @returns an access token */
export async function logIn(
  app: FastifyInstance,
  { email, password }: typeof ada = ada,
  prefix = '',
): Promise<string> {
  const payload = { email, password }
  const response = await app.inject({ method: 'POST', url: `${prefix}/login`, payload })
  return response.json().access_token
}

/** The header that sends a token. */
export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` }
}

/** A response to `app.inject`. */
export type Answer = Awaited<ReturnType<FastifyInstance['inject']>>

/** Posts JSON: an object, or text or bytes that are sent unchanged. */
export async function post(
  app: FastifyInstance,
  url: string,
  body: object | string | Buffer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  return await app.inject({
    method: 'POST',
    url,
    payload,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

/** Asserts that a response is the problem with this code, in all members that problems share. */
export function assertProblem(t: Test, answer: Answer, code: ProblemCode, about: string = code): void {
  const { status, title } = problems[code]
  t.equal(answer.statusCode, status, `${about}: status`)
  t.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8', `${about}: media type`)
  const { detail, error, errors, ...rest } = answer.json()
  t.strictSame(rest, { type: 'about:blank', title, status, code }, `${about}: body`)
  t.match([typeof detail, typeof error], [/^(undefined|string)$/, /^(undefined|string)$/], `${about}: words`)
  t.ok(errors === undefined || (status === 400 && Array.isArray(errors)), `${about}: errors`)
}

/** A stream for a log, and the text that was written to it. */
export function collectLog(): { stream: Writable; text(): string } {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  return { stream, text: () => text }
}

/** Sends bytes over a socket. @returns what the server sends until it closes the socket */
export async function exchange(app: FastifyInstance, request: string | Buffer): Promise<string> {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  // A server that refuses a request need not read the rest of it.
  socket.on('error', () => {})
  socket.write(request)
  await new Promise((resolve) => socket.on('close', resolve))
  return answer
}

/** Parses a response that came over a socket. */
export function parseAnswer(text: string): Pick<Answer, 'statusCode' | 'headers' | 'body'> {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [start = '', ...fields] = head.split('\r\n')
  const headers = fields.map((field) => [
    field.slice(0, field.indexOf(':')).toLowerCase(),
    field.slice(field.indexOf(':') + 1).trim(),
  ])
  return { statusCode: Number(start.split(' ')[1]), headers: Object.fromEntries(headers), body }
}
