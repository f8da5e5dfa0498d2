import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { type Answer, ada, assertProblem, createApp, credentials, post } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

const APP = 'https://app.example.com'
const form = (password = ada.password) => `${new URLSearchParams({ username: ada.email, password })}`

/** Sends the form of a login, as a browser does: with headers that no page can change. */
function submit(app: FastifyInstance, headers: Record<string, string>, password?: string): Promise<Answer> {
  const type = 'application/x-www-form-urlencoded'
  return post(app, '/login', form(password), { host: 'auth.example.com', 'content-type': type, ...headers })
}

/** Requests of other sites' pages: by a browser of today, and by one without Fetch Metadata. */
const FOREIGN: Record<string, string>[] = [
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
  { 'sec-fetch-site': 'cross-site', origin: 'null' },
  { 'sec-fetch-site': 'same-site', origin: 'https://other.example.com' },
  { origin: 'https://evil.example' },
  { origin: 'https://auth.example.com.evil.example' },
  { origin: 'https://auth.example.com:8443' },
  { origin: 'null' },
  { origin: 'auth.example.com' },
]

/** Requests of our own pages, of pages that may call the API, and of clients that are no browsers. */
const OWN: Record<string, string>[] = [
  {},
  { 'sec-fetch-site': 'same-origin', origin: 'https://auth.example.com' },
  { 'sec-fetch-site': 'same-origin', origin: 'https://auth.example.com', host: 'postern:3000' },
  { 'sec-fetch-site': 'none' },
  { origin: 'https://auth.example.com' },
  { origin: 'http://auth.example.com' },
  { origin: 'https://login.example.com', host: 'postern:3000' },
  { origin: APP },
  { 'sec-fetch-site': 'cross-site', origin: APP },
  {
    origin: 'https://public.example.com',
    host: 'postern:3000',
    'x-forwarded-host': 'public.example.com',
    'x-forwarded-for': '192.0.2.1',
  },
]

t.test('a form of another site is refused, and locks nobody out', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, {
    ...settings,
    THROTTLE: 'true',
    LOGIN_FAILURES_PER_ACCOUNT: '10',
    CLIENT_FAILURES_PER_ADDRESS: '2',
    CORS_ORIGIN: APP,
  })
  await post(app, '/register', ada)

  for (let round = 0; round < 3; round++) {
    for (const headers of FOREIGN) {
      assertProblem(t, await submit(app, headers, 'wrong'), 'cross_site_request', JSON.stringify(headers))
    }
  }
  for (const path of ['/introspect', '/revoke']) {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'cross-site' }
    for (let i = 0; i < 4; i++) t.equal((await post(app, path, 'token=x', headers)).statusCode, 403)
    t.equal((await post(app, path, 'token=x')).statusCode, 401, 'not counted')
  }

  t.equal((await post(app, '/login', credentials)).statusCode, 200)
  const events = await openBeside(t, settings).all('select event from audit_events order by id')
  t.notMatch(JSON.stringify(events), /authn_login_fail|excess/)
})

t.test('forms of our own pages, of allowed pages and of other clients are accepted', async (t) => {
  const app = await createApp(t, {
    CORS_ORIGIN: APP,
    ISSUER: 'https://login.example.com',
    TRUST_PROXY: '127.0.0.1',
  })
  await post(app, '/register', ada)

  for (const headers of OWN) {
    t.equal((await submit(app, headers)).statusCode, 200, JSON.stringify(headers))
  }
  const any = await createApp(t, { CORS_ORIGIN: '*' })
  await post(any, '/register', ada)
  t.equal((await submit(any, { origin: 'https://any.example' })).statusCode, 200)
})

t.test('JSON is not asked for its site: a browser sends it only where CORS allows it', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)
  const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }

  t.equal((await post(app, '/login', credentials, headers)).statusCode, 200)
  for (const type of ['text/plain', 'multipart/form-data; boundary=x', '']) {
    const answer = await post(app, '/login', form(), { 'content-type': type })
    t.ok([400, 415].includes(answer.statusCode), `${type}: ${answer.statusCode}`)
  }
})
