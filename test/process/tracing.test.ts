import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import t, { type Test } from 'tap'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, runServer, startServer, until } from '../server-process.ts'

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT_ID = '00f067aa0ba902b7'

/** Hides the packages of OpenTelemetry, as if they were not installed. */
const WITHOUT_PACKAGES = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({
    resolve(specifier, context, next) {
      if (!/^@(opentelemetry|fastify\\/otel)/.test(specifier)) return next(specifier, context)
      throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
    },
  })`)}`

/** A span in OTLP's JSON. */
interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  status: { code?: number; message?: string }
  attributes: { key: string; value: Record<string, unknown> }[]
}

/** Starts a collector of spans. */
async function startCollector(t: Test): Promise<{ endpoint: string; spans: Span[]; text(): string }> {
  const spans: Span[] = []
  let text = ''
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    text += body
    for (const { scopeSpans } of JSON.parse(body).resourceSpans) {
      for (const scope of scopeSpans) spans.push(...scope.spans)
    }
    response.setHeader('content-type', 'application/json').end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, text: () => text }
}

t.test('sends a span for each request, in its trace, and logs its ids', async (t) => {
  const { endpoint, spans, text } = await startCollector(t)
  const cwd = t.testdir()
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }
  const { address, stop } = await startServer(t, { cwd, env })
  await postJson(`${address}/register`, ada)
  const token = await logInAt(address, ada)
  const traceparent = `00-${TRACE_ID}-${PARENT_ID}-01`
  await fetch(`${address}/getUser?access_token=sesame`, { headers: { ...bearer(token), traceparent } })
  await fetch(`${address}/getUser`, { headers: { traceparent: 'malformed' } })
  await fetch(`${address}/no/such/path`)
  const db = new SqliteDriver(join(cwd, 'data', 'postern.db'))
  db.exec('alter table users rename to users_away')
  await postJson(`${address}/login`, { email: ada.email, password: ada.password })
  db.close()

  const { code, stdout } = await stop()

  t.equal(code, 0, 'it has sent the last spans before it stopped')
  t.same(
    spans.map(({ name, kind, status }) => [name, kind, status.code ?? 0]),
    [
      ['POST /register', 2, 0],
      ['POST /login', 2, 0],
      ['GET /getUser', 2, 0],
      ['GET /getUser', 2, 0],
      ['GET', 2, 0],
      ['POST /login', 2, 2],
    ],
  )
  const [, , traced, untraced] = spans
  t.match(traced, { traceId: TRACE_ID, parentSpanId: PARENT_ID })
  t.notOk(untraced?.parentSpanId)
  const attributes = Object.fromEntries(
    traced?.attributes.map(({ key, value }) => [key, Object.values(value)[0]]) ?? [],
  )
  t.match(attributes, {
    'http.request.method': 'GET',
    'http.route': '/getUser',
    'url.path': '/getUser',
    'http.response.status_code': /^200$/,
  })
  const lines = stdout.trim().split('\n')
  const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
  t.same(
    requests.map(({ trace_id, span_id }) => [trace_id, span_id]),
    spans.map(({ traceId, spanId }) => [traceId, spanId]),
  )
  t.match(text(), '"service.name","value":{"stringValue":"postern"}')
  for (const secret of ['sesame', token, ada.email, ada.password, 'no such table']) t.notMatch(text(), secret)
})

t.test('stops in time if the collector does not respond', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => {
    silent.closeAllConnections()
    silent.close()
  })
  const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }
  const { address, stop } = await startServer(t, { cwd: t.testdir(), env })
  t.equal((await fetch(`${address}/healthz`)).status, 200)

  const { code, signal } = await stop()

  t.same([code, signal], [0, null])
})

t.test('names in one line the packages to install, if traces are enabled without them', async (t) => {
  for (const env of [
    { OTEL_TRACES_EXPORTER: 'otlp' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' },
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' },
  ]) {
    const { code, stderr } = await runServer(t, { cwd: t.testdir(), env, preload: [WITHOUT_PACKAGES] })

    t.equal(code, 1)
    t.match(
      stderr,
      /^Postern could not start\.\n.*: npm install @fastify\/otel @opentelemetry\/api @opentelemetry\/sdk-node\n$/,
    )
  }
})

t.test('needs none of these packages while traces are disabled', async (t) => {
  for (const env of [
    {},
    { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' },
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' },
  ]) {
    const cwd = t.testdir()
    const { address, stop, stdout } = await startServer(t, { cwd, env, preload: [WITHOUT_PACKAGES] })
    const traceparent = `00-${TRACE_ID}-${PARENT_ID}-01`
    t.equal((await fetch(`${address}/healthz`, { headers: { traceparent } })).status, 200)
    await until(() => stdout().includes('"msg":"request"'))
    t.match(stdout(), `"trace_id":"${TRACE_ID}"`)
    await stop()
  }
})
