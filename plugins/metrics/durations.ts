/** Upper bounds of the buckets, in seconds: from a check that asks nobody to a login that has waited for its turn. */
export const BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** The plain numbers behind a histogram. To count costs a few comparisons and two additions; a scrape makes the rest of them. */
export class Durations {
  /** How many fell into each bucket and not into one before it; the last is for what exceeds every bound. */
  readonly counts: number[] = Array.from({ length: BOUNDS.length + 1 }, () => 0)
  /** Seconds, all together. */
  sum = 0

  observe(seconds: number): void {
    let bucket = 0
    while (seconds > (BOUNDS[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
    this.sum += seconds
  }
}
