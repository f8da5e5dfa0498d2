import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { AccessLog } from '../plugins/http/access-log.ts'
import http from '../plugins/http/index.ts'
import { METHODS } from '../plugins/http/node-http.ts'
import { requestId } from '../plugins/http/request-id.ts'
import traceContext, { logTraceId } from '../plugins/http/trace-context.ts'
import metrics from '../plugins/metrics/index.ts'
import openapi from '../plugins/openapi/index.ts'
import { answerClientError } from '../plugins/problem/client-errors.ts'
import { answerProblem } from '../plugins/problem/codes.ts'
import problem from '../plugins/problem/index.ts'
import { processRoutes } from '../routes/index.ts'
import postern from './index.ts'
import type { Tracing } from './runtime/tracing.ts'
import version from './runtime/version.ts'
import { type Config, pluginOptions } from './settings/environment.ts'

/** The log levels at which requests are not logged. */
const QUIET_LEVELS: Config['logLevel'][] = ['silent', 'fatal', 'error', 'warn']

/** Bytes. */
const BODY_LIMIT = 16 * 1024
/** Milliseconds in which a complete request must arrive, and its header alone. */
const REQUEST_TIMEOUT = 10_000
const HEADERS_TIMEOUT = 5_000

/**
 * Builds the standalone server, not yet listening: the embeddable plugin, and what only a process needs.
 *
 * @param logStream receives the log lines instead of standard output
 * @param tracing OpenTelemetry, if it is on
 */
export async function buildApp(
  config: Config,
  logStream?: NodeJS.WritableStream,
  tracing?: Tracing,
): Promise<FastifyInstance> {
  const { trustProxy, logLevel, metricsPort } = config
  const isMeasured = metricsPort !== undefined
  const accessLog = new AccessLog({ disableRequestLogging: QUIET_LEVELS.includes(logLevel) })
  const app = fastify({
    // Without a logger, Fastify creates none for each request either.
    logger: logLevel !== 'silent' && {
      level: logLevel,
      ...(logStream && { stream: logStream }),
      redact: ['req.headers.authorization', 'headers.authorization', '*.password', '*.token'],
    },
    logController: accessLog,
    // Requests on open connections are still answered while the server stops.
    return503OnClosing: false,
    genReqId: requestId,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    trustProxy: trustProxy.length > 0 ? trustProxy : false,
    http: {
      headersTimeout: HEADERS_TIMEOUT,
      connectionsCheckingInterval: 1000,
      // Two Authorization headers become one malformed header; Node.js alone would silently use the first.
      joinDuplicateHeaders: true,
    },
    clientErrorHandler: answerClientError,
    // A gateway appends the path of another application, which Fastify may not be able to decode.
    rewriteUrl: ({ url = '/' }) => (url.startsWith('/verify/') ? '/verify' : url),
    // A request whose URL cannot be decoded does not reach the hooks.
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id)
      logTraceId(request as FastifyRequest, reply as FastifyReply)
      answerProblem(reply as FastifyReply, 'invalid_request')
      app.metrics.countRequest(request as FastifyRequest, reply as FastifyReply)
      accessLog.requestCompleted(error, request as FastifyRequest, reply as FastifyReply)
    },
  })

  // A gateway asks with the method of the request that it asks about, which may be any.
  for (const method of METHODS.filter(isUnknownTo(app))) app.addHttpMethod(method, { hasBody: true })

  // Before tracing, which would create a second span for it.
  app.setNotFoundHandler((_request, reply) => answerProblem(reply, 'not_found'))
  await app.register(tracing?.plugin ?? traceContext)
  await app.register(metrics, { metrics: isMeasured, process: true })
  await app.register(problem)
  await app.register(http, config)
  await app.register(openapi, { version })
  // Loaded only if it is on: it is a large part of a start.
  if (config.docs) await app.register((await import('../plugins/openapi/docs.ts')).default)

  await app.register(postern, { ...pluginOptions(config), metrics: isMeasured })
  await app.register(processRoutes)
  return app
}

/** CONNECT never becomes a request: Node.js emits a socket instead. */
function isUnknownTo({ supportedMethods }: FastifyInstance) {
  return (method: string) => method !== 'CONNECT' && !(supportedMethods as string[]).includes(method)
}
