import t, { type Test } from 'tap'
import type { AuditEventRow } from '../../drizzle/index.ts'
import { ada, bearer, collectLog, createApp, credentials, logIn, post } from '../helper.ts'
import { openBeside, openShared, sharedSettings } from '../shared-database.ts'

const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64)'

/** An app, its audit trail and its log. */
async function setScene(t: Test) {
  const settings = await sharedSettings(t)
  const { stream, text } = collectLog()
  const app = await createApp(t, { ...settings, LOG_LEVEL: 'info' }, stream)
  const database = await openShared(t, settings)
  const list = (filter = {}) => database.auditEvents.list({ limit: 100, ...filter })
  const logged = () =>
    text()
      .split('\n')
      .filter((line) => line.includes('"audit"'))
      .map((line) => JSON.parse(line).audit)
  return { app, database, list, logged, text }
}

/** The kinds of events, with their reasons. */
const outline = (events: AuditEventRow[]) =>
  events.map(({ event, reason }) => (reason ? `${event} ${reason}` : event))

t.test('records who did what and from where, once for each change', async (t) => {
  const { app, list, logged } = await setScene(t)
  const from = { 'user-agent': BROWSER, 'x-request-id': 'request-1' }

  const { id } = (await post(app, '/register', ada, from)).json()
  t.equal((await post(app, '/register', ada, from)).statusCode, 409)
  await post(app, '/login', { ...credentials, email: 'nobody@example.com' }, from)
  await post(app, '/login', { ...credentials, password: 'not the password' }, from)
  const token = (await post(app, '/login', credentials, from)).json().access_token
  for (const _ of ['first', 'again']) {
    await app.inject({ method: 'POST', url: '/logout', headers: { ...bearer(token), ...from } })
  }

  const events = await list()
  t.same(outline(events), [
    'sensitive_create signing_key',
    'user_created',
    'authn_login_fail unknown_email',
    'authn_login_fail wrong_password',
    'authn_login_success',
    'authn_token_revoked',
  ])
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())
  const origin = { address: '127.0.0.1', userAgent: BROWSER, requestId: 'request-1', actor: null }
  t.match(events[1], { userId: id, target: null, ...origin })
  t.match(events[2], { userId: null, ...origin })
  t.match(events[3], { userId: id, ...origin })
  t.match(events[4], { userId: id, target: jti, ...origin })
  t.match(events[5], { userId: id, target: jti, ...origin })
  t.ok(events.every(({ createdAt }) => Math.abs(createdAt.getTime() - Date.now()) < 60_000))
  t.same(
    logged().map(({ event, reason }) => (reason ? `${event} ${reason}` : event)),
    outline(events),
    'the log has the same events',
  )
  t.match(logged()[4], { userId: id, target: jti, address: '127.0.0.1', userAgent: BROWSER })
})

t.test('records changes to a user, and a refused login of a disabled user', async (t) => {
  const { app, list } = await setScene(t)
  const { id } = (await post(app, '/register', ada)).json()

  await app.postern.disableUser(id)
  await post(app, '/login', credentials)
  await app.postern.enableUser(id)
  await app.postern.setPassword(id, 'another horse battery staple')
  await app.postern.logOutEverywhere(id)
  await app.postern.deleteUser(id)
  await app.postern.deleteUser(id)

  t.same(outline(await list({ userId: id })), [
    'user_created',
    'user_updated disabled',
    'authn_login_fail account_disabled',
    'user_updated enabled',
    'authn_password_change',
    'authn_token_revoked logged_out_everywhere',
    'user_deleted',
  ])
})

t.test('stores no secrets and no terminal control characters', async (t) => {
  const { app, list, text } = await setScene(t)
  const agent = `curl\u001b[2J\u0085\u202e${'x'.repeat(1000)}`
  await post(app, '/register', ada)
  await post(app, '/login', { ...credentials, email: credentials.password })
  const response = await app.inject({
    method: 'POST',
    url: '/login',
    headers: { 'user-agent': agent },
    payload: credentials,
  })

  const kept = JSON.stringify(await list()) + text()
  for (const secret of [ada.password, response.json().access_token, '$2b$']) t.notMatch(kept, secret)
  const last = (await list()).at(-1)
  t.equal(last?.event, 'authn_login_success')
  t.match(last?.userAgent, /^curl \[2J {2}x+$/)
  t.equal(last?.userAgent?.length, 256)
})

t.test('commits an event before the response, and changes nothing if it cannot', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const database = await openShared(t, settings)
  await post(app, '/register', ada)
  const token = await logIn(app)
  const beside = openBeside(t, settings)
  const before = await database.auditEvents.list({ limit: 100 })
  const release = await beside.lock('audit_events')

  const [register, login, logout] = await Promise.all([
    post(app, '/register', { ...ada, email: 'grace@example.com' }),
    post(app, '/login', credentials),
    app.inject({ method: 'POST', url: '/logout', headers: bearer(token) }),
  ])

  for (const { statusCode } of [register, login, logout]) t.equal(statusCode, 503)
  t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 200)
  await release()
  t.same(await database.auditEvents.list({ limit: 100 }), before)
  t.equal(await database.users.findByEmail('grace@example.com'), undefined)
  t.equal((await post(app, '/login', credentials)).statusCode, 200)
})

t.test('finds the latest events by user, kind and time', async (t) => {
  const { app, database, list } = await setScene(t)
  await post(app, '/register', ada)
  const { id } = (await post(app, '/register', { ...ada, email: 'grace@example.com' })).json()

  t.same(outline(await list({ event: 'user_created' })), ['user_created', 'user_created'])
  t.same(
    (await list({ event: 'user_created', limit: 1 })).map(({ userId }) => userId),
    [id],
    'the latest',
  )
  t.same(await list({ since: new Date(Date.now() + 60_000) }), [])
  t.equal((await list({ since: new Date(Date.now() - 60_000) })).length, 3)

  t.equal(await database.auditEvents.prune(-1000, 2), 2)
  t.same(
    (await list()).map(({ userId }) => userId),
    [id],
    'the oldest are pruned first',
  )
})
