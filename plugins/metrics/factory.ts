import type { Counter, Gauge, Histogram, MetricConfiguration, Registry } from 'prom-client'

/**
 * A metric's name without the prefix `postern_`, its help, and its labels. A client must not be able to choose a label.
 */
type Description<Label extends string> = Pick<MetricConfiguration<Label>, 'name' | 'help' | 'labelNames'>

interface GaugeDescription<Label extends string> extends Description<Label> {
  /** Sets the gauge at a scrape. */
  collect(this: Gauge<Label>): void | Promise<void>
}

/** Creates metrics. */
export interface MetricFactory {
  counter<Label extends string = never>(description: Description<Label>): Pick<Counter<Label>, 'inc'>
  gauge<Label extends string = never>(description: GaugeDescription<Label>): void
  /** @param description of a duration in seconds */
  histogram<Label extends string = never>(description: Description<Label>): Pick<Histogram<Label>, 'observe'>
}

/** Seconds: from a check that reads nothing to a login that waited for its turn. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** @param prom the library, which is loaded only if metrics are on */
export function createMetricFactory(prom: typeof import('prom-client'), registry: Registry): MetricFactory {
  const registers = [registry]
  const prefixed = <Named extends { name: string }>(description: Named): Named => ({
    ...description,
    name: `postern_${description.name}`,
  })
  return {
    counter: (description) => new prom.Counter({ ...prefixed(description), registers }),
    gauge: (description) => void new prom.Gauge({ ...prefixed(description), registers }),
    histogram: (description) => new prom.Histogram({ ...prefixed(description), buckets: BUCKETS, registers }),
  }
}

const disabledMetric = { inc() {}, observe() {} }

/** Creates metrics that do nothing. */
export const disabledFactory: MetricFactory = {
  counter: () => disabledMetric,
  gauge() {},
  histogram: () => disabledMetric,
}
