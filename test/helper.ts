import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../src/app.ts'
import { type Config, readConfig } from '../src/config.ts'

/** Cheaper hashes than in production, by as much as the settings allow. */
const TEST_SETTINGS = { DATABASE_URL: ':memory:', BCRYPT_COST: '10', LOG_LEVEL: 'silent' }

/** The whole server without a socket, in memory unless `settings` say otherwise; it closes with its test. */
export async function makeApp(
  t: Test,
  settings: Record<string, string> = {},
  logStream?: NodeJS.WritableStream,
): Promise<FastifyInstance> {
  const app = await buildApp(makeConfig(settings), logStream)
  t.teardown(() => app.close())
  return app
}

/** The settings of a test, as the environment gives them. */
export function makeConfig(settings: Record<string, string> = {}): Config {
  return readConfig({ ...TEST_SETTINGS, ...settings })
}

/** Somebody to register and to log in. */
export const ada = {
  email: 'ada@example.com',
  password: 'correct horse battery staple',
  name: 'Ada Lovelace',
}

/** Registers somebody, and logs in. */
export async function makeToken(app: FastifyInstance, user: typeof ada = ada): Promise<string> {
  await app.inject({ method: 'POST', url: '/register', payload: user })
  return await logIn(app, user)
}

/** Logs somebody in. */
export async function logIn(app: FastifyInstance, { email, password }: typeof ada = ada): Promise<string> {
  const response = await app.inject({ method: 'POST', url: '/login', payload: { email, password } })
  return response.json().access_token
}

/** The header that a token goes into. */
export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` }
}
