import type { FastifyReply, FastifyRequest } from 'fastify'
import type { MetricFactory } from './factory.ts'

/** The methods of RFC 9110 and RFC 5789. A gateway may ask with any other. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * Creates the metric of requests. It has at most as many series as there are routes, methods and statuses.
 *
 * @returns counts a request that has been answered
 */
export function createRequestMetric({ histogram }: MetricFactory) {
  const durations = histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its response.',
    labelNames: ['method', 'route', 'status'],
  })

  return (request: FastifyRequest, reply: FastifyReply): void => {
    const { url: route = 'unknown' } = request.routeOptions
    const method = METHODS.has(request.method) ? request.method : 'other'
    durations.observe({ method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
  }
}
