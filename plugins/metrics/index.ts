import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Exposition, Settings } from '../postern.ts'
import { createMetricFactory, disabledFactory, type MetricFactory } from './factory.ts'
import { createRequestMetric } from './requests.ts'

/** Creates the metrics of each capability, which declares them where it counts. If metrics are off, they do nothing. */
export interface Metrics extends MetricFactory {
  readonly isEnabled: boolean
  /** Counts a request that does not reach the hooks. */
  countRequest(request: FastifyRequest, reply: FastifyReply): void
  /** @throws if metrics are off */
  expose(): Promise<Exposition>
}

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics
  }
}

interface MetricsSettings extends Pick<Settings, 'metrics'> {
  /** Whether the process is Postern's own, so that its memory, CPU time and event loop are measured too. */
  process?: boolean
}

/** Gauges of the library whose names end in `_total`, as only the names of counters may. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

/** Metrics for Prometheus, in a registry of Postern's own. */
async function metrics(app: FastifyInstance, settings: MetricsSettings): Promise<void> {
  if (!settings.metrics) {
    app.decorate('metrics', {
      ...disabledFactory,
      isEnabled: false,
      countRequest() {},
      async expose() {
        throw new Error('Metrics are off: register Postern with the option metrics: true.')
      },
    })
    return
  }

  const prom = await import('prom-client')
  const registry = new prom.Registry()
  const factory = createMetricFactory(prom, registry)
  const countRequest = createRequestMetric(factory)
  app.decorate('metrics', {
    ...factory,
    isEnabled: true,
    countRequest,
    expose: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  })
  app.addHook('onResponse', (request, reply, done) => {
    countRequest(request, reply)
    done()
  })
  if (!settings.process) return
  prom.collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
}

export default fp(metrics, { name: 'postern-metrics' })
