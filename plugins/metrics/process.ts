import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Gauges that the library calls `…_total`, as only counters may be called. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

/** Has the metrics speak of the process as well: event-loop delay, memory, CPU time, garbage collection, open files. */
async function processMetrics(app: FastifyInstance): Promise<void> {
  app.decorate('addProcessMetrics', (prom, registry) => {
    prom.collectDefaultMetrics({ register: registry })
    for (const name of MISNAMED) registry.removeSingleMetric(name)
  })
}

export default fp(processMetrics, { name: 'postern-process-metrics' })
