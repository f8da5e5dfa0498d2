import pg from 'pg'
import type { Test } from 'tap'
import { ada, bearer } from '../helper.ts'
import { type PostgresServer, startPostgres } from '../postgres-server.ts'
import { logInAt, postJson, type ServerProcess, startServer, until } from '../server-process.ts'

/** Shorter timeouts than in production, and few connections. */
export const SETTINGS = {
  SECRET_KEY: 'a secret for tests, of 32 bytes or more',
  DATABASE_POOL_SIZE: '4',
  DATABASE_CONNECT_TIMEOUT_MS: '1000',
  DATABASE_STATEMENT_TIMEOUT_MS: '1000',
  DATABASE_LOCK_TIMEOUT_MS: '300',
}

/** Longer than all those timeouts together. */
const PATIENCE = 15_000

/** A service on a PostgreSQL server, with Ada registered and logged in twice. */
export interface Scene {
  server: ServerProcess
  /** One of Ada's tokens. */
  token: string
  /** The other one, to be logged out. */
  spare: string
  /** An operator's connection to the database. */
  operator: pg.Client
}

/** A PostgreSQL server for a file's tests. */
export async function createPostgres(t: Test, flags: Record<string, string> = {}): Promise<PostgresServer> {
  const postgres = await startPostgres({ flags })
  t.teardown(() => postgres.remove())
  return postgres
}

/** An operator's connection. */
export async function connectOperator(t: Test, url: string): Promise<pg.Client> {
  const operator = new pg.Client(url)
  operator.on('error', () => {})
  await operator.connect()
  t.teardown(() => operator.end())
  return operator
}

let schemas = 0

/** @param url by which the service reaches the database */
export async function setScene(
  t: Test,
  postgres: PostgresServer,
  { url = postgres.url, env = {} }: { url?: string; env?: Record<string, string> } = {},
): Promise<Scene> {
  schemas += 1
  const schema = `scene_${schemas}`
  const operator = await connectOperator(t, postgres.url)
  await operator.query(`set search_path = ${schema}`)
  const server = await startServer(t, {
    cwd: t.testdir(),
    env: { ...SETTINGS, DATABASE_URL: url, DATABASE_SCHEMA: schema, ...env },
  })
  await postJson(`${server.address}/register`, ada)
  const token = await logInAt(server.address, ada)
  const spare = await logInAt(server.address, ada)
  return { server, token, spare, operator }
}

let people = 0

/** Sends each request that needs the database once, all at the same time. */
export async function askEverything({ server, token, spare }: Scene): Promise<Record<string, Response>> {
  people += 1
  const person = { email: `person-${people}@example.com`, password: 'the password of a person' }
  const json = (body: object) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const requests: Record<string, [string, RequestInit]> = {
    'GET /getUser': ['/getUser', { headers: bearer(token) }],
    'GET /verify': ['/verify', { headers: bearer(token) }],
    'POST /login': ['/login', json({ email: ada.email, password: ada.password })],
    'POST /register': ['/register', json(person)],
    'POST /logout': ['/logout', { method: 'POST', headers: bearer(spare) }],
    'GET /readyz': ['/readyz', {}],
  }
  const answers = Object.entries(requests).map(async ([name, [path, init]]) => {
    const response = await fetch(`${server.address}${path}`, {
      ...init,
      signal: AbortSignal.timeout(PATIENCE),
    })
    return [name, response] as const
  })
  return Object.fromEntries(await Promise.all(answers))
}

/**
 * Asserts that each request that needs the database gets 503, and that the process lives.
 *
 * @param except the requests that are still answered
 */
export async function assertUnavailable(t: Test, scene: Scene, except: string[] = []): Promise<void> {
  for (const [name, response] of Object.entries(await askEverything(scene))) {
    if (except.includes(name)) {
      t.equal(response.status, 200, name)
      continue
    }
    t.equal(response.status, 503, name)
    t.match(response.headers.get('content-type'), /^application\/problem\+json/, name)
    t.match(response.headers.get('retry-after'), /^\d+$/, name)
    t.equal(response.headers.get('cache-control'), 'no-store', name)
    t.match(await response.json(), { status: 503, code: 'database_unavailable' }, name)
  }
  t.equal((await fetch(`${scene.server.address}/healthz`)).status, 200)
}

/**
 * Asserts that the same process serves everything again, on no more connections than it may have, and has written no
 * secret.
 */
export async function assertRecovered(t: Test, scene: Scene): Promise<void> {
  const { server, operator, token, spare } = scene
  await until(async () => (await fetch(`${server.address}/readyz`)).status === 200)
  const statuses = Object.entries(await askEverything(scene)).map(([name, { status }]) => [name, status])
  t.same(Object.fromEntries(statuses), {
    'GET /getUser': 200,
    'GET /verify': 200,
    'POST /login': 200,
    'POST /register': 201,
    'POST /logout': 200,
    'GET /readyz': 200,
  })
  t.equal((await fetch(`${server.address}/getUser`, { headers: bearer(spare) })).status, 401)
  scene.spare = await logInAt(server.address, ada)
  await until(async () => (await countConnections(operator)) <= Number(SETTINGS.DATABASE_POOL_SIZE))
  t.equal(server.process.exitCode, null, 'it is the same process')
  assertDiscreet(t, server, [token, spare])
}

/** The number of connections that services have to the server. */
export async function countConnections(operator: pg.Client): Promise<number> {
  const { rows } = await operator.query<{ count: number }>(
    `select count(*)::int from pg_stat_activity where application_name = 'postern'`,
  )
  return rows[0]?.count ?? 0
}

/** Asserts that a service has logged no secrets. */
export function assertDiscreet(t: Test, { stdout, stderr }: ServerProcess, secrets: string[] = []): void {
  const log = stdout() + stderr()
  for (const secret of [ada.password, 'the password of', '$2b$', SETTINGS.SECRET_KEY, 'params', ...secrets]) {
    t.notMatch(log, secret)
  }
  t.notMatch(log, /postgres:\/\/\w+:/)
  t.notMatch(log, 'unexpected error')
}
