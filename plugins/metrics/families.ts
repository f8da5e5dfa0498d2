import type { FastifyInstance } from 'fastify'
import type { StoredState } from '../database/sample.ts'
import type { QueryCounts } from '../database/timed.ts'
import { stateOf } from '../signing-keys/lifecycle.ts'
import type { MetricFactory } from './prometheus.ts'
import type { RequestCounts } from './requests.ts'

/** What the metrics are read from. */
export interface Sources extends Pick<FastifyInstance, 'counters' | 'database' | 'passwords'> {
  requestCounts: RequestCounts
  queryCounts: QueryCounts
  storedState: StoredState
}

/** Makes all of Postern's metrics. What each means to an operator is in docs/monitoring.md. */
export function makeMetrics({ counter, gauge, histogram }: MetricFactory, sources: Sources): void {
  const { counters, database, passwords, queryCounts, requestCounts, storedState } = sources
  const { checks, logins } = counters
  const { queue } = passwords

  histogram(
    'http_request_duration_seconds',
    'Time from a request’s arrival to the end of its answer.',
    ['method', 'route', 'status'],
    () => requestCounts,
  )

  counter('checks_admitted_total', 'Checks of a token that admitted it.', [], () => [[{}, checks.admitted]])
  counter('checks_refused_total', 'Checks of a token that did not admit it.', ['reason'], () =>
    labelled('reason', checks.refused),
  )
  counter('logins_total', 'Logins whose password was looked at.', ['outcome'], () =>
    labelled('outcome', logins),
  )
  counter('revocations_total', 'Tokens revoked one by one.', [], () => [[{}, counters.revocations]])
  counter('throttled_total', 'Requests sent away by throttling.', ['endpoint', 'limit'], () =>
    [...counters.throttled].flatMap(([endpoint, limits]) =>
      [...limits].map(([limit, value]) => [{ endpoint, limit }, value] as const),
    ),
  )

  gauge('hash_queue_depth', 'Password hashes that wait for their turn.', [], () => [[{}, queue.waiting]])
  gauge('hash_queue_running', 'Password hashes being made.', [], () => [[{}, queue.running]])
  gauge('hash_queue_concurrency', 'Password hashes that may be made at once.', [], () => [
    [{}, queue.concurrency],
  ])
  histogram('hash_queue_wait_seconds', 'Time for which password hashes waited.', [], () => [
    [{}, queue.waits],
  ])
  counter('hash_queue_shed_total', 'Password hashes refused since the wait would be too long.', [], () => [
    [{}, queue.shed],
  ])
  counter(
    'hash_queue_abandoned_total',
    'Password hashes whose client went away before their turn.',
    [],
    () => [[{}, queue.abandoned]],
  )

  gauge('blacklist_rows', 'Revoked tokens kept, as counted about a minute ago.', [], () =>
    storedState.blacklistRows === undefined ? [] : [[{}, storedState.blacklistRows]],
  )

  histogram('database_query_duration_seconds', 'Time that queries took which were answered.', ['query'], () =>
    [...queryCounts]
      .filter(([, { durations }]) => durations.sum > 0)
      .map(([query, { durations }]) => [{ query }, durations] as const),
  )
  counter('database_errors_total', 'Queries that failed.', ['query'], () =>
    [...queryCounts].map(([query, { failures }]) => [{ query }, failures] as const),
  )
  gauge('database_pool_connections', 'Connections to the database server.', ['state'], () => {
    const state = database.pool?.()
    return state ? labelled('state', { idle: state.idle, busy: state.total - state.idle }) : []
  })
  gauge('database_pool_waiting', 'Queries that wait for a connection.', [], () => {
    const state = database.pool?.()
    return state ? [[{}, state.waiting]] : []
  })

  makeKeyMetrics(gauge, storedState)
}

/** Of the keys whose tokens count, or soon will. Where several are in the same state, the one that matters sooner. */
function makeKeyMetrics(gauge: MetricFactory['gauge'], storedState: StoredState): void {
  function* readKeys() {
    const now = new Date()
    const keys = storedState.signingKeys
    for (const state of ['published', 'signing', 'verifying'] as const) {
      yield [{ state }, keys.filter((key) => stateOf(key, [...keys], now) === state)] as const
    }
  }

  const seconds = (instant: Date) => (instant.getTime() - Date.now()) / 1000

  gauge('signing_keys', 'Keys by what they are for.', ['state'], () =>
    [...readKeys()].map(([labels, keys]) => [labels, keys.length] as const),
  )
  gauge('signing_key_age_seconds', 'Time since the oldest key of a state began to sign.', ['state'], () =>
    [...readKeys()]
      .map(([labels, keys]) => [labels, Math.max(...keys.map((key) => -seconds(key.activatesAt)))] as const)
      .filter(([, age]) => age >= 0),
  )
  gauge('signing_key_remaining_seconds', 'Time until the next key of a state retires.', ['state'], () =>
    [...readKeys()]
      .map(([labels, keys]) => {
        const ends = keys.flatMap(({ retiresAt }) => (retiresAt === null ? [] : [seconds(retiresAt)]))
        return [labels, Math.min(...ends)] as const
      })
      .filter(([, remaining]) => Number.isFinite(remaining)),
  )
}

function labelled<Name extends string>(
  label: Name,
  values: Record<string, number>,
): (readonly [Record<string, string>, number])[] {
  return Object.entries(values).map(([name, value]) => [{ [label]: name }, value])
}
