import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import SqliteDriver from 'better-sqlite3'
import t, { type Test } from 'tap'
import { ada, assertProblem, credentials, post } from '../helper.ts'
import { CHEAP, createHost, postern } from './host.ts'

/** Two failures of one address at one user, ten of all addresses, and two registrations. */
const LIMITS = { loginFailuresPerAccount: 10, registrationsPerAddress: 2 }

/** A host app that listens, and in which Ada is registered. */
async function createScene(t: Test) {
  const database = new SqliteDriver(':memory:')
  t.teardown(() => database.close())
  const host = createHost(t)
  /** Called when a request has been read, just before Postern handles it. */
  let onArrival = (_socket: Socket): void => {}
  let onAnswer = (): void => {}
  host.addHook('preHandler', async ({ socket }) => onArrival(socket))
  host.addHook('onSend', async () => onAnswer())
  await host.register(postern, { ...CHEAP, ...LIMITS, database })
  await host.listen({ port: 0, host: '127.0.0.1' })
  await host.postern.register(ada)
  const { port } = host.server.address() as AddressInfo

  return {
    host,
    port,
    rows: (sql: string) => database.prepare(sql).pluck().all(),
    forgetPeers(): void {
      onArrival = (socket) => void Object.defineProperty(socket, 'remoteAddress', { value: undefined })
    },
    knowPeers(): void {
      onArrival = () => {}
    },
    /** Sends a whole request, and resets the connection when it has been read. */
    async sendAndReset(path: string, body: object): Promise<void> {
      const client = connect(port, '127.0.0.1').on('error', () => {})
      const payload = JSON.stringify(body)
      onArrival = () => void client.resetAndDestroy()
      const answered = new Promise<void>((resolve) => {
        onAnswer = resolve
      })
      await once(client, 'connect')
      client.write(
        `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n` +
          `content-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
      )
      await answered
      onArrival = () => {}
    },
  }
}

t.test('logins on connections that are reset count for their address, and lock nobody out', async (t) => {
  const { host, rows, sendAndReset } = await createScene(t)

  for (let i = 0; i < 15; i++) await sendAndReset('/login', { ...credentials, password: `guess number ${i}` })

  const elsewhere = await host.inject({
    method: 'POST',
    url: '/login',
    payload: credentials,
    remoteAddress: '198.51.100.7',
  })
  t.equal(elsewhere.statusCode, 200, 'the user can log in from elsewhere')
  assertProblem(t, await post(host, '/login', credentials), 'too_many_requests')
  const failures = "select address from postern_audit_events where event = 'authn_login_fail'"
  t.same(rows(failures), ['127.0.0.1', '127.0.0.1'])
})

t.test('registrations on connections that are reset count for their address', async (t) => {
  const { rows, sendAndReset } = await createScene(t)

  for (let i = 0; i < 5; i++) await sendAndReset('/register', { ...ada, email: `user${i}@example.com` })

  t.equal(rows("select email from postern_users where email like 'user%'").length, 2)
  t.same(rows("select distinct address from postern_audit_events where event = 'user_created'"), [
    null,
    '127.0.0.1',
  ])
})

t.test('a request whose address was never known is refused before it is counted or hashed', async (t) => {
  const { host, port, rows, forgetPeers, knowPeers } = await createScene(t)
  const before = rows('select id from postern_audit_events')
  forgetPeers()

  for (let i = 0; i < 15; i++) {
    for (const [path, body] of [
      ['/login', { ...credentials, password: `guess number ${i}` }],
      ['/register', { ...ada, email: `user${i}@example.com` }],
    ] as const) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      t.equal(response.status, 408)
      t.match(await response.json(), { code: 'request_timeout' })
    }
  }

  t.same(rows('select id from postern_audit_events'), before)
  knowPeers()
  t.equal((await post(host, '/login', credentials)).statusCode, 200)
})
