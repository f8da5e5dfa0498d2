import type { Registry } from 'prom-client'
import { BOUNDS, type Durations } from './durations.ts'

/** The library, which is loaded only where it is needed. */
export type PromClient = typeof import('prom-client')

type Labels = Record<string, string>

/** What a metric reads when it is scraped: a value for each set of labels. */
export type Read<Value> = () => Iterable<readonly [Labels, Value]>

/** Makes metrics of numbers that are kept elsewhere: each is read anew for every scrape, and costs nothing between two. */
export interface MetricFactory {
  counter(name: string, help: string, labels: readonly string[], read: Read<number>): void
  gauge(name: string, help: string, labels: readonly string[], read: Read<number>): void
  histogram(name: string, help: string, labels: readonly string[], read: Read<Durations>): void
}

/** @param registry where the metrics go; their names begin with `postern_` there */
export function createMetricFactory(prom: PromClient, registry: Registry): MetricFactory {
  const describe = (name: string, help: string, labelNames: readonly string[]) => ({
    name: `postern_${name}`,
    help,
    labelNames,
    registers: [registry],
  })

  return {
    counter(name, help, labels, read) {
      new prom.Counter({
        ...describe(name, help, labels),
        collect() {
          this.reset()
          for (const [labels, value] of read()) this.inc(labels, value)
        },
      })
    },

    gauge(name, help, labels, read) {
      new prom.Gauge({
        ...describe(name, help, labels),
        collect() {
          this.reset()
          // One without labels would be zero, when it is not known yet.
          this.remove({})
          for (const [labels, value] of read()) this.set(labels, value)
        },
      })
    },

    histogram(name, help, labels, read) {
      const description = describe(name, help, labels)
      const family = { name: description.name, help, type: 'histogram', aggregator: 'sum' }
      class CollectedHistogram extends prom.Histogram {
        /** What the registry asks a histogram for. The library's own would have been told of each value one by one. */
        async getForPromString() {
          return {
            ...family,
            values: [...read()].flatMap(([labels, value]) => toSamples(family.name, labels, value)),
          }
        }
      }
      new CollectedHistogram(description)
    },
  }
}

/** The series of one histogram. */
function toSamples(name: string, sharedLabels: Labels, { counts, sum }: Durations) {
  let total = 0
  const buckets = counts.map((count, index) => {
    total += count
    return {
      metricName: `${name}_bucket`,
      labels: { le: BOUNDS[index] ?? '+Inf' },
      sharedLabels,
      value: total,
    }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum },
    { metricName: `${name}_count`, labels: {}, sharedLabels, value: total },
  ]
}
