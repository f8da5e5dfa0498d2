import t from 'tap'
import type { Hooks } from '../../src/index.ts'
import { ada, assertProblem, credentials, post } from '../helper.ts'
import { createHostWithPostern } from './host.ts'

const wrong = { ...credentials, password: 'not the right one' }

/** The status that an endpoint would send for a login from code. */
async function statusOf(login: Promise<unknown>): Promise<number> {
  return await login.then(
    () => 200,
    (error: { statusCode: number }) => error.statusCode,
  )
}

t.test('throttles in a host app by the client address that its trustProxy gives', async (t) => {
  const options = { loginFailuresPerAddress: 2 }
  const host = await createHostWithPostern(t, options, { trustProxy: '127.0.0.1' })
  const guess = async (address: string, n: number) => {
    const body = { ...wrong, email: `user${n}@example.com` }
    return await post(host, '/login', body, { 'x-forwarded-for': address })
  }

  for (let n = 0; n < 2; n++) t.equal((await guess('203.0.113.1', n)).statusCode, 401)
  const refusal = await guess('198.51.100.1, 203.0.113.1', 3)
  assertProblem(t, refusal, 'too_many_requests')
  t.match(refusal.headers['retry-after'], /^\d+$/)
  t.equal((await guess('203.0.113.2', 3)).statusCode, 401)
})

t.test('takes the address of a login from code', async (t) => {
  const host = await createHostWithPostern(t, { loginFailuresPerAccount: 10 })
  await host.postern.register(ada)
  const statuses = []
  for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1:4711']) {
    statuses.push(await statusOf(host.postern.login(wrong, { address })))
  }
  t.same(statuses, [401, 401, 429])
  t.equal(await statusOf(host.postern.login(credentials, { address: '192.0.2.1' })), 429)
  t.equal(await statusOf(host.postern.login(credentials, { address: '192.0.2.2' })), 200)
})

t.test('throttles calls from code without an address only by user', async (t) => {
  const host = await createHostWithPostern(t, { loginFailuresPerAccount: 3, registrationsPerAddress: 1 })
  for (const email of [ada.email, 'bob@example.com']) await host.postern.register({ ...ada, email })
  for (let i = 0; i < 3; i++) t.equal(await statusOf(host.postern.login(wrong)), 401)
  t.equal(await statusOf(host.postern.login(credentials)), 429)
  t.equal(await statusOf(host.postern.login({ ...credentials, email: 'bob@example.com' })), 200)
  t.equal(
    await statusOf(host.postern.login(wrong, { address: 'nonsense' })),
    429,
    'nor with an invalid address',
  )
})

t.test('calls onThrottled once for each reason', async (t) => {
  const told: Parameters<NonNullable<Hooks['onThrottled']>>[0][] = []
  const host = await createHostWithPostern(t, {
    loginFailuresPerAddress: 1,
    registrationsPerAddress: 1,
    onThrottled: (event) => void told.push({ ...event }),
  })
  const { id } = (await post(host, '/register', ada)).json()
  await post(host, '/login', wrong)
  for (let i = 0; i < 3; i++) await post(host, '/login', wrong)
  for (let i = 0; i < 3; i++) await post(host, '/register', { ...ada, email: `user${i}@example.com` })

  t.match(told, [
    {
      limit: 'login_failures_per_address',
      email: ada.email,
      userId: id,
      request: { url: '/login', ip: '127.0.0.1' },
    },
    { limit: 'registrations_per_address', email: null, userId: null, request: { url: '/register' } },
  ])
  t.equal(told.length, 2)
})

t.test('throttle: false turns all limits off', async (t) => {
  const host = await createHostWithPostern(t, { throttle: false, loginFailuresPerAddress: 1 })
  for (let i = 0; i < 3; i++) t.equal((await post(host, '/login', wrong)).statusCode, 401)
})
