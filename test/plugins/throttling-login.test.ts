import t from 'tap'
import { ada, assertProblem, createApp, post } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'
import { from, guess, nthAddress, THROTTLED, tally, tryLogIn } from '../throttling.ts'

const HOME = '203.0.113.1'
const ELSEWHERE = '203.0.113.2'
const ATTACKER = '192.0.2.1'

t.test('an address that guesses is refused, and does not lock the user out elsewhere', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ACCOUNT: '25' })
  await post(app, '/register', ada)

  t.same(await guess(app, ATTACKER, 7), [401, 401, 401, 401, 401, 429, 429])
  assertProblem(t, await tryLogIn(app, ATTACKER), 'too_many_requests', 'even with the right password')
  t.equal((await tryLogIn(app, HOME)).statusCode, 200, 'the user at the first try')
})

t.test('a thousand addresses together cannot guess one password', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ACCOUNT: '10' })
  await post(app, '/register', ada)
  t.equal((await tryLogIn(app, HOME)).statusCode, 200)

  const statuses: number[] = []
  for (let n = 0; n < 1000; n++) statuses.push(...(await guess(app, nthAddress(n), 1)))
  t.same(tally(statuses), { 401: 10, 429: 990 })
  t.equal((await tryLogIn(app, ELSEWHERE)).statusCode, 429, 'not even with the right password')
  t.equal(
    (await tryLogIn(app, HOME)).statusCode,
    200,
    'but from an address where the user has logged in before',
  )
  t.same(await guess(app, HOME, 3), [401, 401, 429], 'where guesses are limited too')
  t.equal((await tryLogIn(app, nthAddress(0), { email: 'eve@example.com' })).statusCode, 401, 'other users')
})

t.test('during a flood from one address, users at other addresses log in at the first try', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ADDRESS: '19' })
  await post(app, '/register', ada)
  t.equal((await tryLogIn(app, ATTACKER)).statusCode, 200, 'a user behind the same address')
  await post(app, '/register', { ...ada, email: 'bob@example.com' })

  const flood = Array.from({ length: 2000 }, (_, n) =>
    tryLogIn(app, ATTACKER, { email: `user${n % 1000}@example.com`, password: `guess number ${n}` }),
  )
  const user = await tryLogIn(app, HOME)
  const statuses = (await Promise.all(flood)).map(({ statusCode }) => statusCode)

  t.same(tally(statuses), { 401: 19, 429: 1981 })
  t.equal(user.statusCode, 200)
  t.equal((await tryLogIn(app, ATTACKER)).statusCode, 200, 'and users who have logged in there before')
  t.equal((await tryLogIn(app, ATTACKER, { email: 'bob@example.com' })).statusCode, 429, 'but not others')
})

t.test('parallel guesses have the same limit as sequential ones', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ACCOUNT: '20' })
  await post(app, '/register', ada)

  const answers = await Promise.all(
    Array.from({ length: 50 }, () => tryLogIn(app, ATTACKER, { password: 'a wrong one' })),
  )
  t.same(tally(answers.map(({ statusCode }) => statusCode)), { 401: 4, 429: 46 })
})

t.test(
  'with the default limits, a burst of guesses makes its address wait for seconds, not for a day',
  async (t) => {
    const app = await createApp(t, THROTTLED)
    await post(app, '/register', ada)

    const answers = await Promise.all(
      Array.from({ length: 40 }, () => tryLogIn(app, ATTACKER, { password: 'a wrong one' })),
    )
    t.same(tally(answers.map(({ statusCode }) => statusCode)), { 401: 5, 429: 35 })
    for (const { statusCode, headers } of answers) {
      if (statusCode === 429) t.equal(headers['retry-after'], '2')
    }
    await new Promise((resolve) => setTimeout(resolve, 1400))
    t.equal((await tryLogIn(app, ATTACKER)).statusCode, 200, 'then the user behind that address logs in')
    t.same(await guess(app, ATTACKER, 4), [401, 401, 401, 401], 'and the waits start again')
  },
)

t.test('the networks of one IPv6 customer share their limits', async (t) => {
  const app = await createApp(t, {
    ...THROTTLED,
    LOGIN_FAILURES_PER_ACCOUNT: '25',
    LOGIN_FAILURES_PER_ADDRESS: '2',
    REGISTRATIONS_PER_ADDRESS: '1',
  })
  const home = (n: number) => `2001:db8:7:${n.toString(16)}::1`
  const registrations: number[] = []
  for (let n = 0; n < 8; n++) {
    const user = { ...ada, email: `user${n}@example.com` }
    registrations.push((await post(app, '/register', user, from(home(n)))).statusCode)
  }
  t.same(tally(registrations), { 201: 5, 429: 3 })
  await post(app, '/register', ada, from(ELSEWHERE))

  const guesses: number[] = []
  for (let n = 0; n < 30; n++) guesses.push(...(await guess(app, home(n), 1)))
  t.same(tally(guesses), { 401: 5, 429: 25 }, 'a fifth of the user’s, like one address')
  const others: number[] = []
  for (let n = 0; n < 30; n++) others.push(...(await guess(app, home(n + 100), 1, `other${n}@example.com`)))
  t.same(tally(others), { 401: 5, 429: 25 }, 'five times one address’s, for all users together')
  t.equal((await tryLogIn(app, '2001:db8:8::1')).statusCode, 200, 'the user is not locked out elsewhere')
  t.same(await guess(app, '2001:db8:9::1', 1), [401], 'and other customers are not limited')
})

t.test('known addresses survive a restart', async (t) => {
  const settings = { ...(await sharedSettings(t)), ...THROTTLED, LOGIN_FAILURES_PER_ACCOUNT: '5' }
  const before = await createApp(t, settings)
  await post(before, '/register', ada)
  t.equal((await tryLogIn(before, HOME)).statusCode, 200)
  await before.close()

  const app = await createApp(t, settings)
  for (let n = 0; n < 8; n++) await guess(app, nthAddress(n), 1)
  t.equal((await tryLogIn(app, ELSEWHERE)).statusCode, 429)
  t.equal((await tryLogIn(app, HOME)).statusCode, 200)
  const db = openBeside(t, settings)
  t.match(await db.all('select key from known_addresses'), [{ key: /^[\w-]{43}$/ }])

  await db.run('update known_addresses set expires_at = ?', new Date())
  t.equal((await tryLogIn(app, HOME)).statusCode, 429, 'after 30 days it is new again')
})

t.test('only failures count, and a login resets them', async (t) => {
  const app = await createApp(t, {
    ...THROTTLED,
    LOGIN_FAILURES_PER_ACCOUNT: '15',
    LOGIN_FAILURES_PER_ADDRESS: '5',
  })
  await post(app, '/register', ada)

  for (let i = 0; i < 10; i++) t.equal((await tryLogIn(app, HOME)).statusCode, 200)
  t.same(await guess(app, HOME, 2), [401, 401])
  t.equal((await tryLogIn(app, HOME)).statusCode, 200)
  t.same(await guess(app, HOME, 4), [401, 401, 401, 429])
})

t.test('logging in now and then does not allow more guesses at other passwords', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ADDRESS: '6' })
  await post(app, '/register', { ...ada, email: 'eve@example.com' })
  const statuses: number[] = []
  for (let n = 0; n < 5; n++) {
    statuses.push(...(await guess(app, ATTACKER, 2, `victim${n}@example.com`)))
    await tryLogIn(app, ATTACKER, { email: 'eve@example.com' })
  }
  t.same(tally(statuses), { 401: 6, 429: 4 })
})

t.test('answers the same for an unknown e-mail', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ACCOUNT: '10' })
  await post(app, '/register', ada)
  const answers = []
  for (const [n, email] of [ada.email, 'nobody@example.com'].entries()) {
    t.same(await guess(app, nthAddress(n), 3, email), [401, 401, 429])
    const { body, headers } = await tryLogIn(app, nthAddress(n), { email })
    const { 'x-request-id': _id, date: _date, ...rest } = headers
    // The remaining seconds may differ by the time that the test takes.
    answers.push(JSON.stringify({ body, rest }).replaceAll(/\b863\d\d\b|\b86400\b/g, '<seconds>'))
  }
  t.equal(answers[0], answers[1])
})

t.test('all spellings of an e-mail share one limit', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ACCOUNT: '10' })
  await post(app, '/register', ada)
  t.same(await guess(app, ATTACKER, 1, ada.email.toUpperCase()), [401])
  t.same(await guess(app, ATTACKER, 2, ` ${ada.email} `), [401, 429])
})

t.test('a new password resets the limits', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ACCOUNT: '5' })
  const { id } = (await post(app, '/register', ada)).json()
  for (let n = 0; n < 6; n++) await guess(app, nthAddress(n), 1)
  t.equal((await tryLogIn(app, HOME)).statusCode, 429)

  await app.postern.setPassword(id, 'another good password')
  t.equal((await tryLogIn(app, HOME, { password: 'another good password' })).statusCode, 200)
})

t.test('changes of the system clock do not affect the limits', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ACCOUNT: '10' })
  t.same(await guess(app, ATTACKER, 3), [401, 401, 429])
  const { now } = Date
  t.teardown(() => Object.assign(Date, { now }))
  for (const days of [-10, 10]) {
    Date.now = () => now() + days * 86_400_000
    const refusal = await tryLogIn(app, ATTACKER)
    t.equal(refusal.statusCode, 429)
    const seconds = Number(refusal.headers['retry-after'])
    t.ok(seconds > 86_000 && seconds <= 86_400, `${seconds} seconds`)
  }
})

t.test('an invalid request is not an attempt', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ADDRESS: '2' })
  for (let i = 0; i < 5; i++) {
    t.equal((await post(app, '/login', { email: ada.email }, from(HOME))).statusCode, 400)
  }
  t.same(await guess(app, HOME, 3), [401, 401, 429])
})
