import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { createClient } from '../../plugins/clients.ts'
import {
  ada,
  bearer,
  collectLog,
  createApp,
  createToken,
  credentials,
  exchange,
  parseAnswer,
  post,
} from '../helper.ts'
import { isPacked } from '../packed-host.ts'
import { openBeside, type SharedSettings, sharedSettings } from '../shared-database.ts'
import { from, THROTTLED } from '../throttling.ts'
import { withoutDatabase, withoutTable } from '../trouble.ts'

/** The parts of a response that these tests look at. */
interface Answer {
  statusCode: number
  headers: Record<string, unknown>
  body: string
}

type Provocation = () => Promise<Answer>

/** Provokes every status that the API's description lists, by operation. */
async function provocations(t: Test, app: FastifyInstance, settings: SharedSettings) {
  const db = openBeside(t, settings)
  const token = await createToken(app)
  await post(app, '/register', { ...ada, email: 'disabled@example.com' })
  await db.run("update users set disabled_at = created_at where email like 'disabled%'")
  const client = createClient('a service')
  await db.run(
    'insert into clients (id, name, hashed_secret, created_at) values (?, ?, ?, ?)',
    client.row.id,
    client.row.name,
    client.row.hashedSecret,
    client.row.createdAt,
  )
  const basic = Buffer.from(`${client.row.id}:${client.secret}`).toString('base64')
  const form = {
    'content-type': 'application/x-www-form-urlencoded',
    authorization: `Basic ${basic}`,
  }

  const wrongClient = { authorization: `Basic ${Buffer.from('nobody:nothing').toString('base64')}` }

  const damaged = (action: Provocation) => () => withoutDatabase(db, action)
  const lacking = (table: string, action: Provocation) => () => withoutTable(db, table, action)
  const tooLarge = 'x'.repeat(16_385)
  const tooOften = (action: (headers: Record<string, string>) => Promise<Answer>) => async () => {
    let answer = await action(from('192.0.2.1'))
    for (let i = 0; i < 5 && answer.statusCode !== 429; i++) answer = await action(from('192.0.2.1'))
    return answer
  }

  const register = (body: object | string = { ...ada, email: 'eve@example.com' }, headers = {}) =>
    post(app, '/register', body, headers)
  const login = (body: object | string = credentials, headers = {}) => post(app, '/login', body, headers)
  const ask = (method: 'GET' | 'POST', url: string, headers: object = bearer(token)) =>
    app.inject({ method, url, headers: { ...headers } })
  const overHeaders = (url: string) => async () => {
    const request = `GET ${url} HTTP/1.1\r\nHost: postern\r\nCookie: ${'x'.repeat(65_536)}\r\n\r\n`
    return parseAnswer(await exchange(app, request))
  }
  const session = (method: 'GET' | 'POST', url: string, table: string) => ({
    200: () => ask(method, url),
    401: () => ask(method, url, {}),
    500: lacking(table, () => ask(method, url)),
    503: damaged(() => ask(method, url)),
  })
  const publicly = (url: string, request = () => ask('GET', url, {})) => ({
    200: request,
    431: overHeaders(url),
  })
  const byClient = (url: string) => ({
    200: () => post(app, url, `token=${token}`, form),
    400: () => post(app, url, 'x=y', form),
    401: () => post(app, url, `token=${token}`, { ...form, authorization: 'Basic x' }),
    403: () => post(app, url, `token=${token}`, { ...form, 'sec-fetch-site': 'cross-site' }),
    413: () => post(app, url, `token=${tooLarge}`, form),
    415: () => post(app, url, `token=${token}`, { ...form, 'content-type': 'text/plain' }),
    429: tooOften((headers) => post(app, url, '', { ...headers, ...wrongClient })),
    500: lacking('clients', () => post(app, url, `token=${token}`, form)),
    503: damaged(() => post(app, url, `token=${token}`, form)),
  })

  // In this order: the sessions end last.
  const table: Record<string, Record<string, Provocation>> = {
    register: {
      201: () => register(),
      400: () => register({}),
      403: async () => {
        const closed = await createApp(t, { ...settings, REGISTRATION: 'closed' })
        return await post(closed, '/register', {})
      },
      409: () => register(ada),
      413: () => register(tooLarge),
      415: () => register('', { 'content-type': 'text/plain' }),
      429: tooOften((headers) => register(ada, headers)),
      500: lacking('users', () => register()),
      503: damaged(() => register()),
    },
    login: {
      200: () => login(),
      400: () => login({}),
      401: () => login({ ...credentials, password: 'not the password' }),
      403: () => login({ ...credentials, email: 'disabled@example.com' }),
      413: () => login(tooLarge),
      415: () => login('', { 'content-type': 'text/plain' }),
      429: tooOften((headers) => login({ ...credentials, password: 'not the password' }, headers)),
      500: lacking('users', () => login()),
      503: damaged(() => login()),
    },
    getUser: session('GET', '/getUser', 'users'),
    verify: {
      ...session('GET', '/verify', 'users'),
      403: async () => {
        await db.run(`update users set disabled_at = created_at where email = '${ada.email}'`)
        const answer = await ask('GET', '/verify')
        await db.run(`update users set disabled_at = null where email = '${ada.email}'`)
        return answer
      },
    },
    jwks: {
      ...publicly('/.well-known/jwks.json'),
      500: lacking('signing_keys', () => ask('GET', '/.well-known/jwks.json')),
      503: damaged(() => ask('GET', '/.well-known/jwks.json')),
    },
    metadata: publicly('/.well-known/oauth-authorization-server'),
    introspect: byClient('/introspect'),
    revoke: byClient('/revoke'),
    logoutByGet: session('GET', '/logout', 'blacklisted_tokens'),
    logout: {
      ...session('POST', '/logout', 'blacklisted_tokens'),
      415: () => post(app, '/logout', '', { ...bearer(token), 'content-type': 'nonsense' }),
    },
  }
  return { table, secrets: [token, ada.password, basic, client.secret, '$2b$'] }
}

interface Described {
  headers?: Record<string, object>
  content?: Record<string, object>
}

/** The API's description: the responses of each operation, and a check of a body against its schema. */
async function describe(app: FastifyInstance) {
  const document = (await app.inject('/openapi.json')).json()
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(document, 'openapi')
  const operations = new Map<string, { responses: Record<string, Described>; pointer: string }>()
  for (const [path, item] of Object.entries<Record<string, object>>(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const { operationId, responses } = operation as {
        operationId: string
        responses: Record<string, Described>
      }
      const pointer = `openapi#/paths/${path.replaceAll('/', '~1')}/${method}/responses`
      operations.set(operationId, { responses, pointer })
    }
  }
  const validator = (pointer: string, type: string): ValidateFunction =>
    ajv.compile({ $ref: `${pointer}/content/${type.replaceAll('/', '~1')}/schema` })
  return { operations, validator }
}

t.test('each operation returns each response that its description lists, as described', async (t) => {
  const log = collectLog()
  const settings = await sharedSettings(t)
  const limits = {
    ...THROTTLED,
    LOGIN_FAILURES_PER_ADDRESS: '5',
    REGISTRATIONS_PER_ADDRESS: '5',
    CLIENT_FAILURES_PER_ADDRESS: '5',
  }
  const app = await createApp(t, { ...settings, ...limits, LOG_LEVEL: 'trace' }, log.stream)
  const { operations, validator } = await describe(app)
  const { table, secrets } = await provocations(t, app, settings)

  t.strictSame(Object.keys(table).toSorted(), [...operations.keys()].toSorted(), 'every operation')
  for (const [operationId, provoke] of Object.entries(table)) {
    const { responses = {}, pointer = '' } = operations.get(operationId) ?? {}
    t.strictSame(Object.keys(provoke), Object.keys(responses), `every status of ${operationId}`)

    for (const [status, provocation] of Object.entries(provoke)) {
      // Node.js sends this before the app sees the request; a host app may change it.
      if (isPacked && status === '431') continue
      const about = `${operationId} ${status}`
      const { headers = {}, content = {} } = responses[status] ?? {}
      const answer = await provocation()
      t.equal(answer.statusCode, Number(status), about)
      for (const name of Object.keys(headers)) t.ok(name.toLowerCase() in answer.headers, `${about}: ${name}`)
      const [type] = Object.keys(content)
      if (type === undefined) {
        t.equal(answer.body, '', `${about}: no body`)
        continue
      }
      t.equal(`${answer.headers['content-type']}`.split(';')[0], type, `${about}: media type`)
      const validate = validator(`${pointer}/${status}`, type)
      t.ok(validate(JSON.parse(answer.body)), `${about}: body ${JSON.stringify(validate.errors)}`)
    }
  }
  for (const secret of secrets) t.notOk(log.text().includes(secret), 'no secret is in the log')
})

t.test('a server error reveals nothing about its cause', async (t) => {
  const log = collectLog()
  const settings = await sharedSettings(t)
  const app = await createApp(t, { ...settings, LOG_LEVEL: 'trace' }, log.stream)
  const db = openBeside(t, settings)

  const fault = await withoutTable(db, 'users', () => post(app, '/register', ada))
  const outage = await withoutDatabase(db, () => post(app, '/register', ada))

  t.strictSame(fault.json(), {
    type: 'about:blank',
    title: 'Something went wrong on our side',
    status: 500,
    code: 'internal_error',
  })
  t.strictSame(outage.json(), {
    type: 'about:blank',
    title: 'The database cannot answer at present',
    status: 503,
    code: 'database_unavailable',
  })
  t.match(outage.headers['retry-after'], /^\d+$/)
  for (const { headers } of [fault, outage]) t.equal(headers['cache-control'], 'no-store')
  t.match(log.text(), /"SQLITE_ERROR"|"42P01"/, 'the log has the cause')
  t.notOk(log.text().includes(ada.email), 'but not the user’s e-mail')
  t.equal((await post(app, '/register', ada)).statusCode, 201, 'nothing was stored')
})
