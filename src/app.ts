import cors from '@fastify/cors'
import swaggerUi from '@fastify/swagger-ui'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { AccessLog } from '../plugins/http/access-log.ts'
import draining from '../plugins/http/draining.ts'
import { METHODS } from '../plugins/http/node-http.ts'
import requestIds, { requestId } from '../plugins/http/request-id.ts'
import securityHeaders from '../plugins/http/security-headers.ts'
import traceContext, { logTraceId } from '../plugins/http/trace-context.ts'
import processMetrics from '../plugins/metrics/process.ts'
import requestCounts from '../plugins/metrics/requests.ts'
import openapi from '../plugins/openapi/index.ts'
import { answerClientError } from '../plugins/problem/client-errors.ts'
import { answerProblem } from '../plugins/problem/codes.ts'
import errorHandler from '../plugins/problem/index.ts'
import { answerOtherMethods } from '../routes/method-not-allowed.ts'
import healthz from '../routes/process/healthz.ts'
import openapiJson from '../routes/process/openapi.json.ts'
import readyz from '../routes/process/readyz.ts'
import postern from './index.ts'
import type { Tracing } from './runtime/tracing.ts'
import version from './runtime/version.ts'
import type { Config } from './settings/environment.ts'

/** What the docs page needs: its own files, inline styles and images, and to call the API. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Log levels at which no line is written for a request. */
const QUIET_LEVELS: Config['logLevel'][] = ['silent', 'fatal', 'error', 'warn']

/** Bytes. */
const BODY_LIMIT = 16 * 1024
/** Milliseconds in which a request must have arrived whole, and its header alone. */
const REQUEST_TIMEOUT = 10_000
const HEADERS_TIMEOUT = 5_000

/**
 * The standalone server, not yet listening: the embeddable plugin, and what only a process needs.
 *
 * @param logStream where log lines go instead of to standard output
 * @param tracing OpenTelemetry, where it is at work
 */
export async function buildApp(
  config: Config,
  logStream?: NodeJS.WritableStream,
  tracing?: Tracing,
): Promise<FastifyInstance> {
  const { host: _host, port: _port, trustProxy, logLevel, corsOrigin, ...others } = config
  const { metricsHost: _metricsHost, metricsPort, shutdownDelaySeconds: _delay, ...options } = others
  const isMeasured = metricsPort !== undefined
  const accessLog = new AccessLog({ disableRequestLogging: QUIET_LEVELS.includes(logLevel) })
  const app = fastify({
    // Without any logger Fastify makes none for each request either.
    logger: logLevel !== 'silent' && {
      level: logLevel,
      ...(logStream && { stream: logStream }),
      redact: ['req.headers.authorization', 'headers.authorization', '*.password', '*.token'],
    },
    logController: accessLog,
    // Whoever has a connection open while we stop is still answered.
    return503OnClosing: false,
    genReqId: requestId,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    trustProxy: trustProxy.length > 0 ? trustProxy : false,
    http: {
      headersTimeout: HEADERS_TIMEOUT,
      connectionsCheckingInterval: 1000,
      // Two Authorization headers become one that is malformed, where Node would silently take the first.
      joinDuplicateHeaders: true,
    },
    clientErrorHandler: answerClientError,
    // What a gateway appends is a path of somebody else's, which need not be one that we could decode.
    rewriteUrl: ({ url = '/' }) => (url.startsWith('/verify/') ? '/verify' : url),
    // No hook sees a request whose URL cannot be read.
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id)
      logTraceId(request as FastifyRequest, reply as FastifyReply)
      answerProblem(reply as FastifyReply, 'invalid_request')
      app.requestCounts?.count(request as FastifyRequest, reply as FastifyReply)
      accessLog.requestCompleted(error, request as FastifyRequest, reply as FastifyReply)
    },
  })

  // A gateway asks with the method of the request that it asks about, whichever that is.
  for (const method of METHODS.filter(isUnknownTo(app))) app.addHttpMethod(method, { hasBody: true })

  // Before tracing, which would make a second span of it.
  app.setNotFoundHandler((_request, reply) => answerProblem(reply, 'not_found'))
  await app.register(tracing?.plugin ?? traceContext)
  if (isMeasured) {
    await app.register(requestCounts)
    await app.register(processMetrics)
  }
  await app.register(errorHandler)
  await app.register(requestIds)
  await app.register(draining)
  await app.register(securityHeaders)
  if (corsOrigin.length > 0) {
    await app.register(cors, {
      origin: corsOrigin.includes('*') ? '*' : corsOrigin,
      allowedHeaders: ['authorization', 'content-type', 'x-request-id'],
      exposedHeaders: ['www-authenticate', 'retry-after', 'ratelimit', 'ratelimit-policy', 'x-request-id'],
      maxAge: 600,
      strictPreflight: false,
    })
  }
  await app.register(openapi, { version })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_CSP,
    theme: { title: 'Postern' },
    // Without the bar of the page's makers.
    uiConfig: { layout: 'BaseLayout' },
  })

  await app.register(postern, { ...options, metrics: isMeasured })
  await app.register(processRoutes)
  return app
}

/** CONNECT never becomes a request: Node hands over a socket instead. */
function isUnknownTo({ supportedMethods }: FastifyInstance) {
  return (method: string) => method !== 'CONNECT' && !(supportedMethods as string[]).includes(method)
}

/** What concerns the process rather than its users. */
async function processRoutes(app: FastifyInstance): Promise<void> {
  const finish = answerOtherMethods(app)
  await app.register(healthz)
  await app.register(readyz)
  await app.register(openapiJson)
  finish()
}
