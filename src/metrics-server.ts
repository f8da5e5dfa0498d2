import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { AccessLog } from '../plugins/http/access-log.ts'
import { answerClientError } from '../plugins/problem/client-errors.ts'
import { answerProblem } from '../plugins/problem/codes.ts'
import problem from '../plugins/problem/index.ts'
import { metricsRoutes } from '../routes/index.ts'
import type { Config } from './settings/environment.ts'

/** Milliseconds in which a complete request must arrive. */
const REQUEST_TIMEOUT = 5000

/**
 * Serves `GET /metrics`, and nothing else, on a port of its own, until the app closes.
 *
 * @param app the server that is measured, not yet started
 * @returns the address, or undefined if METRICS_PORT is not set
 * @throws naming METRICS_PORT if it cannot listen there
 */
export async function serveMetrics(app: FastifyInstance, config: Config): Promise<string | undefined> {
  const { metricsPort: port, metricsHost: host = config.host } = config
  if (port === undefined) return undefined
  const server = fastify({
    loggerInstance: app.log,
    logController: new AccessLog({ disableRequestLogging: true }),
    requestTimeout: REQUEST_TIMEOUT,
    http: { headersTimeout: REQUEST_TIMEOUT },
    // Prometheus keeps its connection open, and a stop must not wait for it.
    forceCloseConnections: true,
    clientErrorHandler: answerClientError,
    frameworkErrors: (_error, _request, reply) => answerProblem(reply as FastifyReply, 'invalid_request'),
  })
  await server.register(problem)
  server.setNotFoundHandler((_request, reply) => answerProblem(reply, 'not_found'))
  await server.register(metricsRoutes, { expose: app.postern.metrics })
  app.addHook('onClose', () => server.close())
  try {
    return await server.listen({ host, port })
  } catch (error) {
    throw new Error(`METRICS_PORT: ${(error as Error).message}`)
  }
}
