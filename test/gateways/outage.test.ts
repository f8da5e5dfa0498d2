import t, { type Test } from 'tap'
import { ada } from '../helper.ts'
import { until } from '../server-process.ts'
import { withoutDatabase } from '../trouble.ts'
import { type Deployment, repeat, standBehind } from './behind.ts'
import { type AskingGateway, askingGateways } from './gateways.ts'

/** Asserts that the gateway admits no request, and does not call a valid token invalid. */
async function assertClosed(t: Test, { send, received }: Deployment, token: string): Promise<void> {
  const before = received.length
  const body = Buffer.from('x')
  const answers = await Promise.all(
    [{ token }, { token: 'garbage' }, {}].map((sent) => send({ ...sent, method: 'POST', body })),
  )
  for (const { status } of answers) t.ok(status >= 500, `${status}`)
  t.equal(received.length, before, 'the application receives nothing')
}

for (const gateway of Object.keys(askingGateways) as AskingGateway[]) {
  t.test(`${gateway} admits no request while Postern is stopped, and recovers`, async (t) => {
    const deployment = await standBehind(t, gateway)
    const { send, postern, restart, register, logIn } = deployment
    await register(ada)
    const token = await logIn()
    t.equal((await send({ token })).status, 200)

    await postern.stop()

    await assertClosed(t, deployment, token)
    if (gateway === 'nginx') {
      const { status, headers } = await send({ token })
      t.equal(status, 503)
      t.match(headers['retry-after'], /^\d+$/)
    }
    const { status } = await send({ method: 'POST', path: '/login', body: Buffer.from('{}') })
    t.ok(status >= 500, 'nor is logging in possible')

    await restart()

    t.equal((await send({ token })).status, 200)
  })

  t.test(`${gateway} admits no request when Postern does not answer or is killed`, async (t) => {
    const deployment = await standBehind(t, gateway)
    const { send, postern, restart, register, logIn } = deployment
    await register(ada)
    const token = await logIn()
    t.equal((await send({ token })).status, 200)

    postern.process.kill('SIGSTOP')
    await assertClosed(t, deployment, token)
    await postern.stop('SIGKILL')
    await assertClosed(t, deployment, token)

    await restart()
    t.equal((await send({ token })).status, 200)
  })

  t.test(`${gateway} keeps serving while Postern restarts, and admits no invalid token`, async (t) => {
    const { send, received, postern, restart, register, logIn, logOut } = await standBehind(t, gateway)
    await register(ada)
    const token = await logIn()
    const left = await logIn()
    await logOut(left)
    const statuses = new Map<string, number>()
    let hasRestarted = false
    let admittedSince = 0

    const traffic = repeat(Number.POSITIVE_INFINITY, async (index) => {
      if (admittedSince > 100) return 'enough'
      const isGood = index % 2 === 0
      const since = hasRestarted
      const { status } = await send({ token: isGood ? token : left, path: isGood ? '/good' : '/bad' })
      const key = `${isGood ? 'good' : 'bad'} ${status >= 500 ? '5xx' : status}`
      statuses.set(key, (statuses.get(key) ?? 0) + 1)
      if (since && status === 200) admittedSince += 1
      // A client waits before it retries, though longer.
      if (status >= 500) await new Promise((resolve) => setTimeout(resolve, 10))
      return undefined
    })
    await until(() => (statuses.get('good 200') ?? 0) > 20)
    await postern.stop()
    await until(() => statuses.has('good 5xx'))
    await restart()
    hasRestarted = true
    await traffic

    t.comment(gateway, Object.fromEntries(statuses))
    t.same(
      [...statuses.keys()].filter((key) => !key.endsWith('5xx')).sort(),
      ['bad 401', 'good 200'],
      'a valid token is admitted or gets 503, an invalid one is refused or gets 503',
    )
    t.notOk(
      received.some(({ url }) => url === '/bad'),
      'the application receives no invalid token',
    )
  })

  t.test(`${gateway} admits no request while the database cannot answer`, async (t) => {
    const { send, received, db, register, logIn } = await standBehind(t, gateway)
    await register(ada)
    const token = await logIn()
    t.equal((await send({ token })).status, 200)

    await withoutDatabase(db, async () => {
      const { status, headers } = await send({ token })
      t.equal(status, 503)
      t.match(headers['retry-after'], /^\d+$/)
      t.equal(received.length, 1)
    })

    t.equal((await send({ token })).status, 200)
  })
}
