import { once } from 'node:events'
import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { createClient } from '../gateways/application.ts'
import { freePort } from '../postgres-server.ts'
import { until } from '../server-process.ts'
import { type Balancer, balancers } from './balancers.ts'

/**
 * Three servers that are ready. The first one to receive a request reads it and breaks the connection.
 */
async function startBrokenInstances(t: Test) {
  const received: string[] = []
  const ports = [await freePort(), await freePort(), await freePort()]
  for (const port of ports) {
    const server = createServer(async (request, reply) => {
      await request.toArray()
      if (request.url === '/readyz') return void reply.end()
      received.push(`${request.method} ${request.url}`)
      if (received.length === 1) request.socket.destroy()
      else reply.end()
    })
    await once(server.listen(port, '127.0.0.1'), 'listening')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
  }
  return { ports, received }
}

for (const balancer of Object.keys(balancers) as Balancer[]) {
  t.test(`${balancer} retries a check that was not answered`, async (t) => {
    const { ports, received } = await startBrokenInstances(t)
    const port = await freePort()
    await balancers[balancer](t, port, ports)
    const send = createClient(t, port)

    t.equal((await send({ path: '/getUser' })).status, 200)
    t.same(received, ['GET /getUser', 'GET /getUser'])
  })

  t.test(`${balancer} never retries a registration`, async (t) => {
    const { ports, received } = await startBrokenInstances(t)
    const port = await freePort()
    await balancers[balancer](t, port, ports)
    const send = createClient(t, port)

    const { status } = await send({ method: 'POST', path: '/register', body: Buffer.from('{}') })
    t.equal(status, 502)
    t.same(received, ['POST /register'])

    await until(
      async () => (await send({ method: 'POST', path: '/login', body: Buffer.from('{}') })).status === 200,
    )
    t.same(received, ['POST /register', 'POST /login'])
  })
}
