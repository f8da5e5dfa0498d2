import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import pg from 'pg'
import t from 'tap'
import { ada } from '../helper.ts'
import { startPostgres } from '../postgres-server.ts'
import { until } from '../server-process.ts'
import { answered, type Balancer, balancers, type Deployment, standBehind } from './balancers.ts'

const postgres = await startPostgres()
t.teardown(() => postgres.remove())

let deployments = 0
/** The settings of a deployment with its own schema. */
const settings = () => ({
  DATABASE_URL: postgres.url,
  DATABASE_SCHEMA: `deployment_${deployments++}`,
  SECRET_KEY: 'of a deployment that lasts for seconds',
})

/** Sends requests through the balancer until each of these instances has answered some. */
async function reachAll({ send, instances }: Deployment, indexes: number[]): Promise<void> {
  const before = instances.map((instance) => answered(instance).length)
  await until(async () => {
    await Promise.all([send({ path: '/openapi.json' }), send({ path: '/openapi.json' })])
    return indexes.every((index) => {
      const instance = instances[index]
      return instance && answered(instance).length > (before[index] ?? 0) + 3
    })
  })
}

for (const balancer of Object.keys(balancers) as Balancer[]) {
  t.test(`${balancer} sends requests to all three instances, with the client's address`, async (t) => {
    const deployment = await standBehind(t, balancer, settings())
    await reachAll(deployment, [0, 1, 2])

    // Neither the balancer's own address nor the one that the client forges.
    const message = request({
      host: '127.0.0.1',
      port: deployment.port,
      localAddress: '127.0.0.9',
      path: '/getUser',
      headers: { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1', 'x-real-ip': '192.0.2.1' },
    })
    const [answer] = (await once(message.end(), 'response')) as [IncomingMessage]
    answer.resume()

    t.equal(answer.statusCode, 401)
    const asked = () => deployment.instances.flatMap(answered).filter(({ path }) => path === '/getUser')
    await until(() => asked().length > 0)
    t.same(
      asked().map(({ address }) => address),
      ['127.0.0.9'],
    )
  })

  t.test(`behind ${balancer}, every instance refuses a token that one has logged out`, async (t) => {
    const { instances, logIn, send } = await standBehind(t, balancer, settings())
    const check = async (token: string) =>
      Promise.all(
        instances.map(async ({ address }) => {
          const { status } = await fetch(`${address}/getUser`, {
            headers: { authorization: `Bearer ${token}` },
          })
          return status
        }),
      )

    for (let round = 0; round < 10; round++) {
      const token = await logIn()
      t.same(await check(token), [200, 200, 200])
      t.equal((await send({ method: 'POST', path: '/logout', token })).status, 200)
      t.same(await check(token), [401, 401, 401])
    }
  })

  t.test(`behind ${balancer}, no check fails while instances are killed and restarted`, async (t) => {
    const deployment = await standBehind(t, balancer, settings())
    const { send, logIn, instances, restart } = deployment
    const token = await logIn()
    const statuses = new Map<number, number>()
    let isOver = false

    const traffic = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (!isOver) {
          const { status } = await send({ path: '/getUser', token })
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        }
      }),
    )
    for (const index of [0, 1, 2]) {
      await instances[index]?.stop('SIGKILL')
      await restart(index)
      await reachAll(deployment, [index])
    }
    isOver = true
    await traffic

    t.comment(Object.fromEntries(statuses))
    t.same([...statuses.keys()], [200])
  })

  t.test(
    `behind ${balancer}, each registration is sent once, and each one answered with 201 is stored`,
    async (t) => {
      const database = settings()
      const { post, instances, restart } = await standBehind(t, balancer, database)
      const statuses = new Map<number, number>()
      const registered: string[] = []
      let count = 0
      let isOver = false

      const traffic = Promise.all(
        Array.from({ length: 4 }, async () => {
          while (!isOver) {
            const email = `user-${count++}@example.com`
            // HAProxy closes the connection instead of sending 502 if it reused the instance's connection.
            const { status } = await post('/register', { ...ada, email }).catch(() => ({ status: 502 }))
            statuses.set(status, (statuses.get(status) ?? 0) + 1)
            if (status === 201) registered.push(email)
          }
        }),
      )
      for (const index of [0, 1, 2]) {
        const before = registered.length
        await until(() => registered.length > before + 3)
        await instances[index]?.stop('SIGKILL')
        await restart(index)
      }
      isOver = true
      await traffic

      t.comment(Object.fromEntries(statuses))
      t.same(
        [...statuses.keys()].filter((status) => ![201, 502, 503].includes(status)),
        [],
        'never 409: a registration is not retried',
      )
      const client = new pg.Client(postgres.url)
      await client.connect()
      t.teardown(() => client.end())
      const { rows } = await client.query(`select email from ${database.DATABASE_SCHEMA}.users`)
      const kept = new Set(rows.map(({ email }) => email))
      t.same(
        registered.filter((email) => !kept.has(email)),
        [],
      )
    },
  )

  t.test(`behind ${balancer}, instances are replaced one by one without a failed request`, async (t) => {
    const deployment = await standBehind(t, balancer, { ...settings(), SHUTDOWN_DELAY_SECONDS: '3' })
    const { send, post, logIn, instances, restart } = deployment
    const token = await logIn()
    const checks = new Map<number, number>()
    const registrations = new Map<number, number>()
    let count = 0
    let isOver = false
    const note = (counts: Map<number, number>, status: number) =>
      counts.set(status, (counts.get(status) ?? 0) + 1)

    const traffic = Promise.all([
      ...Array.from({ length: 4 }, async () => {
        while (!isOver) note(checks, (await send({ path: '/getUser', token })).status)
      }),
      ...Array.from({ length: 2 }, async () => {
        while (!isOver) {
          const email = `user-${count++}@example.com`
          const { status } = await post('/register', { ...ada, email }).catch(() => ({ status: 502 }))
          note(registrations, status)
        }
      }),
    ])
    for (const index of [0, 1, 2]) {
      const exit = await instances[index]?.stop('SIGTERM')
      t.equal(exit?.code, 0)
      await restart(index)
      await reachAll(deployment, [index])
    }
    isOver = true
    await traffic

    t.comment(Object.fromEntries(checks), Object.fromEntries(registrations))
    t.same([...checks.keys()], [200])
    t.same([...registrations.keys()], [201])
  })

  t.test(`${balancer} answers 5xx while there is no instance, and recovers`, async (t) => {
    const { send, logIn, instances, restart } = await standBehind(t, balancer, settings())
    const token = await logIn()
    const watched = { path: balancer === 'HAProxy' ? '/balancerz' : '/readyz' }
    t.equal((await send(watched)).status, 200)

    await Promise.all(instances.map((instance) => instance.stop()))

    t.match((await send({ path: '/getUser', token })).status, /^50[23]$/)
    await until(async () => [502, 503].includes((await send(watched)).status))

    await Promise.all([restart(0), restart(1), restart(2)])

    await until(async () => (await send({ path: '/getUser', token })).status === 200)
    t.equal((await send(watched)).status, 200)
  })
}
