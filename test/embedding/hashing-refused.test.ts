import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { ada, credentials } from '../helper.ts'
import { nthAddress } from '../throttling.ts'
import { createHostWithPostern } from './host.ts'

const HOME = '203.0.113.1'

/** A host app in which an address may guess once at a user. */
async function createScene(t: Test, trustProxy = false) {
  const host = await createHostWithPostern(t, { loginFailuresPerAccount: 5, metrics: true }, { trustProxy })
  await host.postern.register(ada)
  return host
}

/** Lets the hash queue grow: by one login from each of many addresses, of users that do not exist. */
function occupy(host: FastifyInstance, addresses: number): Promise<unknown> {
  return Promise.allSettled(
    Array.from({ length: addresses }, (_, n) =>
      host.postern.login({ email: `user${n}@example.com`, password: 'x' }, { address: nthAddress(n) }),
    ),
  )
}

const guessAt = (host: FastifyInstance, address: string) =>
  host.postern.login({ ...credentials, password: 'a wrong one' }, { address })

t.test('an attempt that was refused for overload does not count', async (t) => {
  const host = await createScene(t)
  const crowd = occupy(host, 400)

  await t.rejects(guessAt(host, HOME), { code: 'overloaded' })
  await t.rejects(guessAt(host, HOME), { code: 'overloaded' }, 'not too_many_requests')
  await crowd

  await t.rejects(guessAt(host, HOME), { code: 'invalid_credentials' })
  await t.rejects(guessAt(host, HOME), { code: 'too_many_requests' })
})

t.test('an attempt whose client has gone is neither hashed nor counted', async (t) => {
  const host = await createScene(t, true)
  await host.listen({ port: 0, host: '127.0.0.1' })
  const { port } = host.server.address() as AddressInfo
  const abandoned = async () =>
    Number(/^postern_hash_queue_abandoned_total (\d+)$/m.exec((await host.postern.metrics()).body)?.[1])
  const crowd = occupy(host, 40)

  const payload = JSON.stringify({ ...credentials, password: 'a wrong one' })
  const client = connect(port, '127.0.0.1')
  await once(client, 'connect')
  const arrived = once(host.server, 'request')
  client.write(
    `POST /login HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: ${HOME}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
  )
  await arrived
  await sleep(20)
  client.destroy()
  await crowd
  while ((await abandoned()) === 0) await sleep(20)

  t.equal(await abandoned(), 1)
  await t.rejects(guessAt(host, HOME), { code: 'invalid_credentials' })
  await t.rejects(guessAt(host, HOME), { code: 'too_many_requests' })
})
