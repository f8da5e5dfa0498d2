import type { Span } from '@opentelemetry/api'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { bindToLog } from '../../plugins/http/trace-context.ts'

/** OpenTelemetry, started. */
export interface Tracing {
  /** Creates a span for each request, and adds its ids to the request's log lines. Must be registered first. */
  plugin: FastifyPluginAsync
}

/** Optional packages, since few deployments need them. */
const PACKAGES = ['@fastify/otel', '@opentelemetry/api', '@opentelemetry/sdk-node']

/** Milliseconds to send the last spans when the process stops. */
const FLUSH_TIMEOUT = 3000

/**
 * Starts OpenTelemetry if its own environment variables enable traces
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
 *
 * @returns undefined if they do not
 * @throws naming the packages to install, if they are missing
 */
export async function startTracing(env: NodeJS.ProcessEnv): Promise<Tracing | undefined> {
  if (!isEnabled(env)) return undefined
  const [{ NodeSDK }, { FastifyOtelInstrumentation }, { SpanStatusCode }] = await load()
  const sdk = new NodeSDK({
    ...(!isNamed(env) && { serviceName: 'postern' }),
    // Only traces: metrics and logs are exported in other ways.
    metricReaders: [],
    logRecordProcessors: [],
  })
  sdk.start()
  const instrumentation = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    instrumentHandler: false,
    recordExceptions: false,
    requestHook: (span, { method, url, routeOptions }) => {
      span.updateName(routeOptions.url === undefined ? method : `${method} ${routeOptions.url}`)
      // Without the query, which may contain a secret.
      span.setAttribute('url.path', url.split('?', 1)[0] ?? '')
      withholdMessages(span)
    },
  })

  async function plugin(app: FastifyInstance): Promise<void> {
    await app.register(instrumentation.plugin())
    app.addHook('onRequest', (request, reply, done) => {
      const context = request.opentelemetry().span?.spanContext()
      if (context) bindToLog(request, reply, { trace_id: context.traceId, span_id: context.spanId })
      done()
    })
    app.addHook('onSend', (request, reply, payload, done) => {
      if (reply.statusCode >= 500) request.opentelemetry().span?.setStatus({ code: SpanStatusCode.ERROR })
      done(null, payload)
    })
    app.addHook('onClose', async () => {
      const end = new Promise((resolve) => setTimeout(resolve, FLUSH_TIMEOUT).unref())
      // Does not wait longer for a collector that does not respond.
      await Promise.race([sdk.shutdown().catch(() => {}), end])
    })
  }

  return { plugin: fp(plugin, { name: 'postern-tracing' }) }
}

function isEnabled(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return false
  const exporter = env['OTEL_TRACES_EXPORTER']?.trim()
  if (exporter) return exporter !== 'none'
  return Boolean(env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'])
}

function isNamed(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env['OTEL_SERVICE_NAME']) || /\bservice\.name=/.test(env['OTEL_RESOURCE_ATTRIBUTES'] ?? '')
}

async function load() {
  try {
    return await Promise.all([
      import('@opentelemetry/sdk-node'),
      import('@fastify/otel'),
      import('@opentelemetry/api'),
    ])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error(`OTEL_… enables traces, which need these packages: npm install ${PACKAGES.join(' ')}`)
  }
}

/** Keeps error messages out of spans: they may contain secrets, and a client's error is not the service's. */
function withholdMessages(span: Span): void {
  const setStatus = span.setStatus.bind(span)
  span.setStatus = ({ code, message }) => (message === undefined ? setStatus({ code }) : span)
}
