import { once } from 'node:events'
import { connect } from 'node:net'
import { availableParallelism } from 'node:os'
import SqliteDriver from 'better-sqlite3'
import t from 'tap'
import { ada } from '../helper.ts'
import { postJson, startServer, until } from '../server-process.ts'

/** Runs JavaScript that a test sends to the server's process. */
const PUPPET = "data:text/javascript,process.on('message', (code) => eval(code))"

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`answers the logins in flight before it stops on ${signal}`, async (t) => {
    const cwd = t.testdir()
    // Hashes slow enough that the signal arrives while they are computed.
    const { address, stop, stdout } = await startServer(t, { cwd, env: { BCRYPT_COST: '11' } })
    await postJson(`${address}/register`, ada)
    const { email, password } = ada
    let answered = 0
    const logIn = async () => {
      const response = await postJson(`${address}/login`, { email, password })
      answered += 1
      return [response.status, typeof ((await response.json()) as Record<string, unknown>)['access_token']]
    }

    const logins = Array.from({ length: 4 + 4 * availableParallelism() }, logIn)
    // Once the first one is answered, all others have been sent.
    await until(() => answered > 0)
    const exit = stop(signal)

    t.ok(answered < logins.length, 'some are in flight')
    t.same(await Promise.all(logins), Array(logins.length).fill([200, 'string']))
    const { code, stderr } = await exit
    t.equal(code, 0)
    t.match(stdout(), `"signal":"${signal}"`)
    t.notMatch(stderr, /error/i)
    await t.rejects(fetch(`${address}/healthz`), 'it no longer listens')
    const db = new SqliteDriver(`${cwd}/data/postern.db`, { readonly: true })
    t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
    db.close()
  })
}

t.test('does not wait for idle connections', async (t) => {
  const { address, stop } = await startServer(t, { cwd: t.testdir() })
  const { hostname, port } = new URL(address)
  const idle = connect(Number(port), hostname).on('error', () => {})
  const keptAlive = connect(Number(port), hostname).on('error', () => {})
  keptAlive.write('GET /healthz HTTP/1.1\r\nHost: postern\r\n\r\n')
  await once(keptAlive, 'data')

  const { code } = await stop()

  t.equal(code, 0)
  idle.destroy()
  keptAlive.destroy()
})

t.test('waits for a request that has begun', async (t) => {
  const { address, stop, stdout } = await startServer(t, { cwd: t.testdir() })
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname).setEncoding('utf8')
  const ended = once(socket, 'close')
  let answer = ''
  socket.on('data', (text: string) => (answer += text))
  const body = JSON.stringify({ email: ada.email, password: ada.password })
  socket.write('POST /login HTTP/1.1\r\nHost: postern\r\nContent-Type: application/json\r\n')
  socket.write(`Content-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`)
  await until(() => answer.includes('100 Continue'))

  const exit = stop()
  await until(() => stdout().includes('stopping'))
  socket.write(body)

  await ended
  t.match(answer, '401 Unauthorized')
  t.equal((await exit).code, 0)
})

t.test('announces for a while that it will stop, and answers until then', async (t) => {
  const server = await startServer(t, { cwd: t.testdir(), env: { SHUTDOWN_DELAY_SECONDS: '5' } })
  const ask = (path: string) => fetch(`${server.address}${path}`)
  t.equal((await ask('/readyz')).status, 200)

  const exit = server.stop()
  await until(() => server.stdout().includes('stopping'))

  const notReady = await ask('/readyz')
  t.equal(notReady.status, 503)
  t.match(await notReady.json(), { code: 'service_unavailable' })
  for (const path of ['/healthz', '/openapi.json']) {
    const response = await ask(path)
    t.equal(response.status, 200)
    t.equal(response.headers.get('connection'), 'close', 'the next request goes elsewhere')
    await response.arrayBuffer()
  }
  t.equal((await postJson(`${server.address}/register`, ada)).status, 201)
  t.equal((await exit).code, 0)
})

t.test('stops at once at a second signal', async (t) => {
  const server = await startServer(t, { cwd: t.testdir(), env: { SHUTDOWN_DELAY_SECONDS: '300' } })

  const exit = server.stop()
  await until(() => server.stdout().includes('stopping'))
  server.process.kill('SIGTERM')

  t.not((await exit).code, 0)
})

const ERRORS = {
  'an uncaught exception': "throw new TypeError('out of order')",
  'an unhandled rejection': "Promise.reject(new TypeError('out of order'))",
  'a rejection without a reason': 'Promise.reject()',
}

for (const [error, code] of Object.entries(ERRORS)) {
  t.test(`logs ${error}, and exits with a failure`, async (t) => {
    const server = await startServer(t, { cwd: t.testdir(), preload: [PUPPET] })

    server.process.send(code)
    const exit = await server.exit

    t.equal(exit.code, 1)
    const lines = exit.stdout.trim().split('\n')
    const logged = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 60)
    t.equal(logged.length, 1)
    t.match(logged[0].msg, 'unexpected error')
    if (code.includes('TypeError')) t.match(logged[0], { type: 'TypeError', stack: /out of order/ })
  })
}
