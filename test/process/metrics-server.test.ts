import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { availableParallelism } from 'node:os'
import t, { type Test } from 'tap'
import { assertProblem, bearer, createApp } from '../helper.ts'
import { parseSamples, type Samples } from '../scrape.ts'
import { postJson, runServer, type ServerProcess, startServer, until } from '../server-process.ts'

/** Starts a server with metrics, and finds their URL. */
async function startMeasured(
  t: Test,
  env: Record<string, string> = {},
): Promise<ServerProcess & { metrics: string }> {
  const server = await startServer(t, { cwd: t.testdir(), env: { METRICS_PORT: '0', ...env } })
  const [, metrics = ''] = /Metrics +(\S+)/.exec(server.stderr()) ?? []
  return { ...server, metrics }
}

async function scrapeAt(url: string): Promise<Samples> {
  return parseSamples(await (await fetch(url)).text())
}

t.test('serves metrics, and nothing else, on a separate port', async (t) => {
  const { address, metrics } = await startMeasured(t)
  t.match(metrics, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
  t.not(new URL(metrics).port, new URL(address).port)

  const response = await fetch(metrics)
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  t.equal(response.headers.get('cache-control'), 'no-store')
  const body = await response.text()
  t.match(body, '\n# TYPE postern_revocations_total counter\npostern_revocations_total 0\n')
  const samples = parseSamples(body)
  for (const name of ['nodejs_eventloop_lag_p99_seconds', 'process_cpu_seconds_total', 'process_open_fds']) {
    if (name !== 'process_open_fds' || process.platform === 'linux') t.ok(samples.has(name), name)
  }

  t.equal((await fetch(metrics, { method: 'HEAD' })).status, 200)
  t.equal((await fetch(metrics, { method: 'POST' })).status, 405)
  for (const path of ['/', '/healthz', '/getUser', '/login', '/docs', '/metrics/']) {
    const { status, headers } = await fetch(new URL(path, metrics), { redirect: 'manual' })
    t.equal(status, 404, path)
    t.match(headers.get('content-type'), 'application/problem+json')
  }
  t.equal((await fetch(`${address}/metrics`)).status, 404, 'not on the public port')
})

t.test('answers a scrape while logins flood the service, and measures the flood', async (t) => {
  const { address, metrics } = await startMeasured(t, { BCRYPT_COST: '12', THROTTLE: 'false' })
  const before = await scrapeAt(metrics)
  t.equal(before.get('postern_hash_queue_depth'), 0)
  let answered = 0
  // More than the cores can hash within the longest wait.
  const flood = Array.from({ length: 40 * availableParallelism() }, async (_, index) => {
    const email = `nobody-${index}@example.com`
    const { status } = await postJson(`${address}/login`, { email, password: 'something' })
    answered += 1
    return status
  })

  let during = before
  await until(async () => {
    during = await scrapeAt(metrics)
    return Number(during.get('postern_hash_queue_depth')) > 0
  })
  t.ok(answered < flood.length, 'in the middle of it')
  t.ok(Number(during.get('postern_hash_queue_running')) > 0)

  const statuses = await Promise.all(flood)
  const after = await scrapeAt(metrics)
  const shed = statuses.filter((status) => status === 503).length
  t.ok(shed > 0)
  t.equal(after.get('postern_hash_queue_shed_total'), shed)
  t.equal(after.get('postern_hash_queue_wait_seconds_count'), flood.length - shed)
  t.ok(Number(after.get('postern_hash_queue_wait_seconds_sum')) > 0)
  t.equal(after.get('postern_logins_total{outcome="unknown_email"}'), flood.length - shed)
  t.equal(after.get('postern_hash_queue_depth'), 0)
})

t.test('stops with the service, although a connection is still open', async (t) => {
  const { metrics, stop } = await startMeasured(t)
  const { hostname, port } = new URL(metrics)
  const socket = connect(Number(port), hostname).on('error', () => {})
  socket.write('GET /metrics HTTP/1.1\r\nHost: postern\r\n\r\n')
  await once(socket, 'data')

  const { code } = await stop()

  t.equal(code, 0)
  await t.rejects(fetch(metrics))
})

t.test('does not start if METRICS_PORT is taken, equals PORT, or is no port', async (t) => {
  const occupant = createServer().listen(0, '127.0.0.1')
  await once(occupant, 'listening')
  t.teardown(() => occupant.close())
  const { port } = occupant.address() as AddressInfo
  const attempts = [
    { METRICS_PORT: `${port}` },
    { METRICS_PORT: '8080', PORT: '8080' },
    { METRICS_PORT: 'http' },
    { METRICS_PORT: '0', METRICS_HOST: 'no such host' },
  ]
  for (const env of attempts) {
    const { code, stderr } = await runServer(t, { cwd: t.testdir(), env })
    t.equal(code, 1)
    t.match(stderr, /^Postern could not start\.\nMETRICS_PORT\b/)
    t.notMatch(stderr, 'ready at')
  }
})

t.test('closes the port if the service cannot listen', async (t) => {
  const occupant = createServer().listen(0, '127.0.0.1')
  await once(occupant, 'listening')
  t.teardown(() => occupant.close())
  const env = { METRICS_PORT: '0', PORT: `${(occupant.address() as AddressInfo).port}` }

  const { code, stderr } = await runServer(t, { cwd: t.testdir(), env })

  t.equal(code, 1)
  t.match(stderr, 'address already in use')
})

t.test('measures nothing without METRICS_PORT', async (t) => {
  const { stderr } = await startServer(t, { cwd: t.testdir() })
  t.notMatch(stderr(), 'Metrics')

  const app = await createApp(t)
  t.notOk(app.metrics.isEnabled)
  await t.rejects(app.postern.metrics(), /option metrics/)
  assertProblem(t, await app.inject({ url: '/metrics', headers: bearer('a.b.c') }), 'not_found')
})
