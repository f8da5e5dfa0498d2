import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, startServer } from '../server-process.ts'

t.test('has one line of JSON for each request, without its secrets', async (t) => {
  const { address, stop } = await startServer(t, { cwd: t.testdir() })
  const headers = { ...bearer('ey.sesame'), cookie: 'a=sesame', 'x-request-id': 'from-gateway/42' }
  const requests = [
    ['GET', '/healthz', 200],
    ['GET', '/getUser?access_token=sesame#sesame', 401],
    ['GET', '/nowhere?password=sesame', 404],
    ['DELETE', '/login?password=sesame', 405],
    ['GET', '/%?password=sesame', 400],
  ] as const

  const ids: (string | null)[] = []
  for (const [method, path, status] of requests) {
    const response = await fetch(`${address}${path}`, { method, headers })
    t.equal(response.status, status)
    ids.push(response.headers.get('x-request-id'))
  }
  const wrong = { email: ada.email, password: 'open sesame' }
  for (const body of [wrong, { ...wrong, sesame: 1 }, [wrong]]) await postJson(`${address}/login`, body)
  const malformed = { 'content-type': 'application/json' }
  await fetch(`${address}/login`, { method: 'POST', headers: malformed, body: '{"password": "open sesame' })
  await postJson(`${address}/register`, ada)
  const token = await logInAt(address, ada)
  await fetch(`${address}/getUser`, { headers: bearer(token) })
  await fetch(`${address}/logout`, { headers: bearer(token) })
  await fetch(`${address}/getUser`, { headers: bearer(token) })

  const { stdout, stderr } = await stop()
  const entries = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ msg }) => msg === 'request')
  t.strictSame(
    entries.map(({ method, path, status }) => [method, path, status]),
    [
      ['GET', '/healthz', 200],
      ['GET', '/getUser', 401],
      ['GET', '/nowhere', 404],
      ['DELETE', '/login', 405],
      ['GET', '/%', 400],
      ['POST', '/login', 401],
      ['POST', '/login', 400],
      ['POST', '/login', 400],
      ['POST', '/login', 400],
      ['POST', '/register', 201],
      ['POST', '/login', 200],
      ['GET', '/getUser', 200],
      ['GET', '/logout', 200],
      ['GET', '/getUser', 401],
    ],
  )
  t.same(
    ids,
    entries.slice(0, ids.length).map(({ reqId }) => reqId),
  )
  t.same(new Set(ids), new Set(['from-gateway/42']))
  for (const entry of entries) {
    t.match(entry, { level: 30, time: Number, reqId: /./, ms: Number, address: '127.0.0.1' })
  }
  for (const secret of ['sesame', ada.password, token, token.split('.')[2] ?? '']) {
    t.notOk(stdout.includes(secret))
    t.notOk(stderr.includes(secret))
  }
})

t.test('has the address of a client that disconnects at once', async (t) => {
  const { address, stop } = await startServer(t, { cwd: t.testdir() })
  const { hostname, port } = new URL(address)

  for (let round = 0; round < 100; round++) {
    const socket = connect(Number(port), hostname)
    socket.write('GET /getUser HTTP/1.1\r\nHost: postern\r\n\r\n')
    await once(socket, 'data')
    socket.resetAndDestroy()
  }

  const lines = (await stop()).stdout.split('\n').filter((line) => line.includes('"path":"/getUser"'))
  t.ok(lines.length > 50, `${lines.length}`)
  t.same(
    lines.filter((line) => !line.includes('"address":"127.0.0.1"')),
    [],
  )
})

t.test('does not log malformed HTTP, and the service goes on', async (t) => {
  const { address, stop } = await startServer(t, { cwd: t.testdir() })
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname).setEncoding('utf8')
  let answer = ''
  socket.on('data', (text: string) => (answer += text))
  const closed = new Promise((resolve) => socket.on('close', resolve))

  socket.write('open sesame\r\n\r\n')

  await closed
  t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/)
  t.match(answer, '"code":"invalid_request"')
  t.equal((await fetch(`${address}/healthz`)).status, 200)
  t.notMatch((await stop()).stdout, 'sesame')
})

t.test('is not written with LOG_LEVEL=silent, while requests are answered', async (t) => {
  const { address, stop } = await startServer(t, { cwd: t.testdir(), env: { LOG_LEVEL: 'silent' } })
  const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
  const answer = async (path: string) => (await fetch(`${address}${path}`, { headers })).status

  t.equal(await answer('/healthz'), 200)
  t.equal(await answer('/getUser'), 401)
  t.equal(await answer('/%'), 400)
  t.equal((await postJson(`${address}/register`, ada)).status, 201)
  t.match(await stop(), { code: 0, stdout: /^$/ })
})
