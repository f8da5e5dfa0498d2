import type { SigningKeyRow } from '../../drizzle/index.ts'
import type { Metrics } from '../metrics/index.ts'
import { stateOf } from './lifecycle.ts'

const STATES = ['published', 'signing', 'verifying'] as const

/**
 * Declares the metrics of the keys. If several keys have the same state, the series shows the one that matters sooner.
 *
 * @param list reads all keys, once for each scrape
 */
export function declareKeyMetrics({ gauge }: Metrics, list: () => Promise<SigningKeyRow[]>): void {
  let keys: SigningKeyRow[] = []
  let reading: Promise<void> | undefined

  async function read(): Promise<void> {
    try {
      keys = await list()
    } catch {
      // The failure is counted as that of a query. The metrics keep what was read last.
    }
    reading = undefined
  }

  /** The keys of each state. The gauges of one scrape share one query. */
  async function keysByState(): Promise<Map<(typeof STATES)[number], SigningKeyRow[]>> {
    reading ??= read()
    await reading
    const now = new Date()
    return new Map(STATES.map((state) => [state, keys.filter((key) => stateOf(key, keys, now) === state)]))
  }

  const secondsUntil = (instant: Date) => (instant.getTime() - Date.now()) / 1000

  gauge({
    name: 'signing_keys',
    help: 'Signing keys by state.',
    labelNames: ['state'],
    async collect() {
      for (const [state, { length }] of await keysByState()) this.set({ state }, length)
    },
  })
  gauge({
    name: 'signing_key_age_seconds',
    help: 'Time since the oldest key of a state began to sign.',
    labelNames: ['state'],
    async collect() {
      const states = await keysByState()
      this.reset()
      for (const [state, ofState] of states) {
        const age = Math.max(...ofState.map(({ activatesAt }) => -secondsUntil(activatesAt)))
        if (age >= 0) this.set({ state }, age)
      }
    },
  })
  gauge({
    name: 'signing_key_remaining_seconds',
    help: 'Time until the next key of a state retires.',
    labelNames: ['state'],
    async collect() {
      const states = await keysByState()
      this.reset()
      for (const [state, ofState] of states) {
        const ends = ofState.flatMap(({ retiresAt }) => (retiresAt === null ? [] : [secondsUntil(retiresAt)]))
        if (ends.length > 0) this.set({ state }, Math.min(...ends))
      }
    },
  })
}
