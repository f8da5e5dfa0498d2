import t from 'tap'
import { readConfig } from '../../src/settings/environment.ts'
import { ada, assertProblem, bearer, createApp, post } from '../helper.ts'
import { addClient, basic, postForm } from '../oauth.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'
import { from, guess, THROTTLED, tally, tryLogIn } from '../throttling.ts'

const HOME = '203.0.113.1'
const ATTACKER = '192.0.2.1'

t.test('a server throttles by default', async (t) => {
  t.match(readConfig({}), {
    throttle: true,
    loginFailuresPerAccount: 100,
    loginFailuresPerAddress: 100,
    registrationsPerAddress: 30,
    clientFailuresPerAddress: 100,
  })
})

t.test('says which limit was reached, and when to try again', async (t) => {
  const app = await createApp(t, {
    ...THROTTLED,
    LOGIN_FAILURES_PER_ADDRESS: '3',
    LOGIN_FAILURES_PER_ACCOUNT: '10',
    REGISTRATIONS_PER_ADDRESS: '1',
    CLIENT_FAILURES_PER_ADDRESS: '1',
  })
  const wrong = basic('nobody:nothing')
  let n = 0
  const scenes: [limit: string, points: number, seconds: number, () => ReturnType<typeof post>][] = [
    ['login_failures_per_address', 3, 86_400, () => tryLogIn(app, ATTACKER, { email: `${n++}@example.com` })],
    ['login_failures_per_account_and_address', 2, 86_400, () => tryLogIn(app, '192.0.2.3')],
    ['login_failures_per_account', 10, 86_400, () => tryLogIn(app, `192.0.3.${n++}`)],
    ['registrations_per_address', 1, 3600, () => post(app, '/register', ada, from(ATTACKER))],
    [
      'client_failures_per_address',
      1,
      3600,
      () => postForm(app, '/introspect', { token: 'x' }, { ...wrong, ...from(ATTACKER) }),
    ],
  ]
  for (const [limit, points, seconds, ask] of scenes) {
    let answer = await ask()
    for (let i = 0; i < 20 && answer.statusCode !== 429; i++) answer = await ask()
    assertProblem(t, answer, 'too_many_requests', limit)
    const { 'retry-after': retryAfter, ratelimit, 'ratelimit-policy': policy } = answer.headers
    t.equal(policy, `"${limit}";q=${points};w=${seconds}`)
    t.match(retryAfter, /^[1-9]\d*$/)
    t.ok(Number(retryAfter) <= seconds && Number(retryAfter) > seconds - 120, `${retryAfter} of ${seconds}`)
    t.equal(ratelimit, `"${limit}";r=0;t=${retryAfter}`)
    t.equal(answer.headers['cache-control'], 'no-store')
    t.equal(answer.json().detail, `Try again in ${retryAfter} seconds`)
  }
})

t.test('limits the registrations of an address, those of taken e-mails included', async (t) => {
  const app = await createApp(t, { ...THROTTLED, REGISTRATIONS_PER_ADDRESS: '3' })
  const register = async (body: object, address = ATTACKER) =>
    (await post(app, '/register', body, from(address))).statusCode

  for (let i = 0; i < 5; i++)
    t.equal(await register({ ...ada, password: 'password' }), 400, 'invalid requests do not count')
  t.equal(await register(ada), 201)
  t.equal(await register(ada), 409)
  const parallel = Array.from({ length: 20 }, (_, n) => register({ ...ada, email: `user${n}@example.com` }))
  t.same(tally(await Promise.all(parallel)), { 201: 1, 429: 19 })
  t.equal(await register({ ...ada, email: 'user@example.com' }, HOME), 201, 'another address may register')
})

t.test('limits the guesses of an address at client credentials', async (t) => {
  const settings = { ...(await sharedSettings(t)), ...THROTTLED, CLIENT_FAILURES_PER_ADDRESS: '5' }
  const app = await createApp(t, settings)
  const client = await addClient(openBeside(t, settings))
  const ask = async (url: string, credentials: Record<string, string>, address = ATTACKER) =>
    (await postForm(app, url, { token: 'x' }, { ...credentials, ...from(address) })).statusCode

  for (let i = 0; i < 20; i++) {
    t.equal(await ask('/introspect', client.header), 200, 'the right credentials do not count')
    t.equal(await ask('/introspect', {}), 401, 'nor do missing ones')
  }
  const statuses = []
  for (let i = 0; i < 6; i++) {
    statuses.push(await ask('/introspect', basic(`${client.id}:guess${i}`)))
    statuses.push(await ask('/revoke', basic(`${client.id}:guess${i}`)))
  }
  t.same(tally(statuses), { 401: 5, 429: 7 })
  t.equal(await ask('/introspect', client.header), 429, 'even the right credentials are refused now')
  t.equal(await ask('/introspect', client.header, HOME), 200, 'the client, from another address')
})

t.test('checks and logouts are never throttled', async (t) => {
  const app = await createApp(t, {
    ...THROTTLED,
    LOGIN_FAILURES_PER_ADDRESS: '1',
    LOGIN_FAILURES_PER_ACCOUNT: '25',
  })
  await post(app, '/register', ada)
  const { access_token: token } = (await tryLogIn(app, HOME)).json()
  t.same(await guess(app, HOME, 30), [...Array(5).fill(401), ...Array(25).fill(429)])
  t.same(await guess(app, HOME, 2, 'bob@example.com'), [401, 429])

  const headers = { ...bearer(token), ...from(HOME) }
  for (let i = 0; i < 200; i++) {
    t.equal((await app.inject({ url: '/getUser', headers })).statusCode, 200)
    t.equal((await app.inject({ url: '/verify', headers })).statusCode, 200)
    t.equal((await app.inject({ url: '/getUser', headers: { ...headers, ...bearer('x') } })).statusCode, 401)
  }
  t.equal((await app.inject({ method: 'POST', url: '/logout', headers })).statusCode, 200)
})

t.test('THROTTLE=false turns all limits off', async (t) => {
  const app = await createApp(t, {
    ...THROTTLED,
    THROTTLE: 'false',
    LOGIN_FAILURES_PER_ACCOUNT: '1',
    LOGIN_FAILURES_PER_ADDRESS: '1',
    REGISTRATIONS_PER_ADDRESS: '1',
    CLIENT_FAILURES_PER_ADDRESS: '1',
  })
  for (let n = 0; n < 3; n++) {
    t.equal((await post(app, '/register', { ...ada, email: `${n}@example.com` }, from(HOME))).statusCode, 201)
    t.equal((await postForm(app, '/introspect', { token: 'x' }, basic('nobody:nothing'))).statusCode, 401)
  }
  t.same(await guess(app, HOME, 5), [401, 401, 401, 401, 401])
})
