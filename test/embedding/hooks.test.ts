import SqliteDriver from 'better-sqlite3'
import t from 'tap'
import type { Hooks } from '../../src/index.ts'
import { ada, assertProblem, bearer, collectLog, createToken, credentials, logIn, post } from '../helper.ts'
import { createHostWithPostern } from './host.ts'

type Name = keyof Hooks

/** Hooks that record their events. */
function recorder() {
  const told: { name: Name; event: Record<string, unknown> }[] = []
  const record = (name: Name) => (event: object) => void told.push({ name, event: { ...event } })
  const hooks = {
    beforeRegister: record('beforeRegister'),
    onRegistered: record('onRegistered'),
    beforeLogin: record('beforeLogin'),
    onLoggedIn: record('onLoggedIn'),
    onLoginFailed: record('onLoginFailed'),
    onLoggedOut: record('onLoggedOut'),
  } satisfies Hooks
  return { hooks, told, names: () => told.splice(0).map(({ name }) => name) }
}

/** An error that a host app throws to refuse an operation. */
function refusal(message: string, properties: object): Error {
  return Object.assign(new Error(message), properties)
}

t.test('hooks run for every step, in order, with its data', async (t) => {
  const { hooks, told, names } = recorder()
  const host = await createHostWithPostern(t, hooks)

  const user = (await post(host, '/register', ada)).json()
  t.match(told, [
    { event: { email: ada.email, name: ada.name, request: { url: '/register' } } },
    { event: { user: { id: user.id, email: ada.email, disabledAt: null }, request: { url: '/register' } } },
  ])
  t.notMatch(JSON.stringify(told.map(({ event: { request, ...rest } }) => rest)), /password|\$2b\$/)
  t.same(names(), ['beforeRegister', 'onRegistered'])

  const token = await logIn(host)
  t.match(told, [{ event: { user: { id: user.id } } }, { event: { user: { id: user.id }, tokenId: String } }])
  const tokenId = told[1]?.event['tokenId']
  t.same(names(), ['beforeLogin', 'onLoggedIn'])

  await host.inject({ method: 'POST', url: '/logout', headers: bearer(token) })
  t.match(told, [{ event: { userId: user.id, tokenId, request: { url: '/logout' } } }])
  t.same(names(), ['onLoggedOut'])
})

t.test('onLoginFailed has the reason', async (t) => {
  const { hooks, told } = recorder()
  const host = await createHostWithPostern(t, hooks)
  const { id } = await host.postern.register(ada)
  told.splice(0)

  await post(host, '/login', { ...credentials, password: 'not the right one' })
  await post(host, '/login', { ...credentials, email: 'Nobody@Example.com' })
  await host.postern.disableUser(id)
  await post(host, '/login', { ...credentials, password: 'not the right one' })
  await post(host, '/login', credentials)

  t.match(told, [
    { name: 'onLoginFailed', event: { reason: 'wrong_password', userId: id, email: ada.email } },
    { name: 'onLoginFailed', event: { reason: 'unknown_email', userId: null, email: 'nobody@example.com' } },
    { name: 'onLoginFailed', event: { reason: 'wrong_password', userId: id } },
    { name: 'onLoginFailed', event: { reason: 'account_disabled', userId: id } },
  ])
  t.equal(told.length, 4)
})

t.test('hooks also run for calls from code, without a request', async (t) => {
  const { hooks, told, names } = recorder()
  const host = await createHostWithPostern(t, hooks)

  await host.postern.register(ada)
  const { accessToken } = await host.postern.login(credentials)
  await host.postern.revokeToken(accessToken)

  t.ok(told.every(({ event }) => !('request' in event)))
  t.same(names(), ['beforeRegister', 'onRegistered', 'beforeLogin', 'onLoggedIn', 'onLoggedOut'])
})

t.test('a veto is awaited, becomes the response, and stores nothing', async (t) => {
  const database = new SqliteDriver(':memory:')
  t.teardown(() => database.close())
  const { hooks, names } = recorder()
  let thrown: unknown
  const veto = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    throw thrown
  }
  const host = await createHostWithPostern(t, { ...hooks, beforeRegister: veto, database })

  for (const [error, status, code, detail] of [
    [refusal('By invitation only', { statusCode: 403 }), 403, 'refused', 'By invitation only'],
    [refusal('Pay first', { statusCode: 402, code: 'unpaid' }), 402, 'unpaid', 'Pay first'],
    [refusal('No such code', { statusCode: 400, code: 'ERR_HOST' }), 400, 'invalid_request', 'No such code'],
    [refusal('Slow down', { statusCode: 429 }), 429, 'too_many_requests', 'Slow down'],
    [refusal('Elsewhere', { statusCode: 302 }), 500, 'internal_error', undefined],
    [refusal('db: password=hunter2', {}), 500, 'internal_error', undefined],
    ['not even an error', 500, 'internal_error', undefined],
    [undefined, 500, 'internal_error', undefined],
  ] as const) {
    thrown = error
    const answer = await post(host, '/register', ada)
    t.equal(answer.statusCode, status, `${error}`)
    t.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8')
    t.match(answer.json(), { status, code })
    t.equal(answer.json().detail, detail)
    await t.rejects(host.postern.register(ada), 'a call from code throws it too')
  }
  t.equal(database.prepare('select count(*) from postern_users').pluck().get(), 0)
  t.same(names(), [], 'no hook reports a registration')
})

t.test('a veto on a login runs only after the right password, and no token is issued', async (t) => {
  const { hooks, told } = recorder()
  const host = await createHostWithPostern(t, {
    ...hooks,
    beforeLogin() {
      throw refusal('Confirm your e-mail first', { statusCode: 403, code: 'email_unconfirmed' })
    },
  })
  await post(host, '/register', ada)
  told.splice(0)

  assertProblem(
    t,
    await post(host, '/login', { ...credentials, password: 'wrong one' }),
    'invalid_credentials',
  )
  const answer = await post(host, '/login', credentials)

  t.equal(answer.statusCode, 403)
  t.match(answer.json(), { code: 'email_unconfirmed', detail: 'Confirm your e-mail first' })
  t.notOk('access_token' in answer.json())
  t.match(told, [{ event: { reason: 'wrong_password' } }, { event: { reason: 'vetoed' } }])
})

const failing: Record<string, () => void | Promise<void>> = {
  throw() {
    throw new Error('the listener is broken')
  },
  async reject() {
    throw new Error('the listener is broken')
  },
  async 'reject late'() {
    await new Promise((resolve) => setImmediate(resolve))
    throw new Error('the listener is broken')
  },
  'never resolve': () => new Promise(() => {}),
}

for (const [how, listener] of Object.entries(failing)) {
  t.test(`listeners that ${how} change no response`, async (t) => {
    const log = collectLog()
    const host = await createHostWithPostern(
      t,
      { onRegistered: listener, onLoggedIn: listener, onLoginFailed: listener, onLoggedOut: listener },
      { logger: { level: 'error', stream: log.stream } },
    )

    t.equal((await post(host, '/register', ada)).statusCode, 201)
    assertProblem(t, await post(host, '/login', { ...credentials, password: 'wrong' }), 'invalid_credentials')
    const login = await post(host, '/login', credentials)
    t.equal(login.statusCode, 200)
    const headers = bearer(login.json().access_token)
    t.equal((await host.inject({ method: 'POST', url: '/logout', headers })).statusCode, 200)
    await new Promise((resolve) => setImmediate(resolve))
    const logged = [...log.text().matchAll(/"hook":"(\w+)"/g)].map(([, name]) => name)
    t.same(
      logged,
      how === 'never resolve' ? [] : ['onRegistered', 'onLoginFailed', 'onLoggedIn', 'onLoggedOut'],
    )
  })
}

t.test('listeners run after the commit', async (t) => {
  const database = new SqliteDriver(':memory:')
  t.teardown(() => database.close())
  const count = (table: string) => database.prepare(`select count(*) from postern_${table}`).pluck().get()
  const seen: unknown[] = []
  const host = await createHostWithPostern(t, {
    database,
    beforeRegister: () => void seen.push(count('users')),
    onRegistered: () => void seen.push(count('users'), database.inTransaction),
    onLoggedOut: () => void seen.push(count('blacklisted_tokens'), database.inTransaction),
  })

  const token = await createToken(host)
  await host.inject({ method: 'POST', url: '/logout', headers: bearer(token) })

  t.same(seen, [0, 1, false, 1, false])
})
