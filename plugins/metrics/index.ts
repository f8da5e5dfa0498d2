import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Registry } from 'prom-client'
import { StoredState } from '../database/sample.ts'
import type { Exposition, Settings } from '../postern.ts'
import { makeMetrics } from './families.ts'
import { createMetricFactory, type PromClient } from './prometheus.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metrics: {
      /**
       * @param accept the `Accept` header of whoever asks
       * @throws where metrics are off
       */
      expose(accept?: string): Promise<Exposition>
    }
    /** Adds what concerns the process as a whole. Only there where the process is Postern's own. */
    addProcessMetrics?: (prom: PromClient, registry: Registry) => void
  }
}

/** Says what has been counted, in the format of Prometheus or of OpenMetrics. Between two scrapes it does nothing. */
async function metrics(
  app: FastifyInstance,
  { metrics: isEnabled }: Pick<Settings, 'metrics'>,
): Promise<void> {
  if (!isEnabled) {
    app.decorate('metrics', {
      expose: async () => {
        throw new Error('Metrics are off: register Postern with the option metrics: true.')
      },
    })
    return
  }
  const prom = await import('prom-client')
  const { counters, database, passwords, queryCounts, requestCounts } = app
  if (!queryCounts || !requestCounts) throw new Error('Nothing has been measured')
  const storedState = new StoredState(database)
  const sources = { counters, database, passwords, queryCounts, requestCounts, storedState }
  const registries = new Map<string, Registry>()

  /** One for each format, since the library renames the counters of a registry for good when it writes OpenMetrics. */
  function registryOf(contentType: string): Registry {
    const known = registries.get(contentType)
    if (known) return known
    const registry = new prom.Registry()
    registry.setContentType(contentType as Registry['contentType'])
    makeMetrics(createMetricFactory(prom, registry), sources)
    app.addProcessMetrics?.(prom, registry)
    registries.set(contentType, registry)
    return registry
  }

  app.decorate('metrics', {
    async expose(accept = '') {
      storedState.refresh()
      const { OPENMETRICS_CONTENT_TYPE, PROMETHEUS_CONTENT_TYPE } = prom.Registry
      const contentType = prefersOpenMetrics(accept) ? OPENMETRICS_CONTENT_TYPE : PROMETHEUS_CONTENT_TYPE
      return { contentType, body: await registryOf(contentType).metrics() }
    },
  })
  app.addHook('onReady', async () => storedState.refresh())
  app.addHook('preClose', async () => storedState.close())
}

export default fp(metrics, {
  name: 'postern-metrics',
  dependencies: ['postern-counters', 'postern-database', 'postern-passwords'],
})

/** Whether somebody would rather have OpenMetrics than text (RFC 9110 section 12.5.1). */
function prefersOpenMetrics(accept: string): boolean {
  const openMetrics = qualityOf('application/openmetrics-text', accept)
  return openMetrics > 0 && openMetrics >= qualityOf('text/plain', accept)
}

/** How much a media type is wanted, from 0 to 1, where it is named. */
function qualityOf(mediaType: string, accept: string): number {
  const qualities = accept
    .toLowerCase()
    .split(',')
    .map((range) => range.split(';').map((part) => part.trim()))
    .filter(([type]) => type === mediaType)
    .map((parts) => Number(parts.find((part) => part.startsWith('q='))?.slice(2) ?? 1))
  return Math.max(0, ...qualities.filter((quality) => !Number.isNaN(quality)))
}
