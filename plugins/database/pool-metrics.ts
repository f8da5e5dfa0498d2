import type { Database } from '../../drizzle/index.ts'
import type { Metrics } from '../metrics/index.ts'

/** Declares the metrics of the connections to a server. On SQLite they have no series. */
export function declarePoolMetrics({ gauge }: Metrics, { pool }: Pick<Database, 'pool'>): void {
  gauge({
    name: 'database_pool_connections',
    help: 'Connections to the database server.',
    labelNames: ['state'],
    collect() {
      const state = pool?.()
      if (!state) return
      this.set({ state: 'idle' }, state.idle)
      this.set({ state: 'busy' }, state.total - state.idle)
    },
  })
  gauge({
    name: 'database_pool_waiting',
    help: 'Queries that wait for a connection.',
    collect() {
      const state = pool?.()
      // A gauge without labels begins at zero.
      if (state) this.set(state.waiting)
      else this.remove()
    },
  })
}
