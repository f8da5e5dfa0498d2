import type { Database, PrincipalReader } from '../../drizzle/index.ts'
import type { Metrics } from '../metrics/index.ts'

type Query = (...parameters: never[]) => Promise<unknown>

/** The same database, with metrics of its queries by their names in the code, as in `users.findByEmail`. */
export function timeQueries(database: Database, { counter, histogram }: Metrics): Database {
  const durations = histogram({
    name: 'database_query_duration_seconds',
    help: 'Duration of the queries that were answered.',
    labelNames: ['query'],
  })
  const errors = counter({
    name: 'database_errors_total',
    help: 'Queries that failed.',
    labelNames: ['query'],
  })

  /** Starts the clock of a query. */
  function start(query: string) {
    const started = performance.now()
    return {
      succeeded: () => durations.observe({ query }, (performance.now() - started) / 1000),
      failed: () => errors.inc({ query }),
    }
  }

  function timed<Q extends Query>(name: string, query: Q): Q {
    errors.inc({ query: name }, 0)
    const run = (...parameters: Parameters<Q>) => {
      const { succeeded, failed } = start(name)
      const result = query(...parameters)
      result.then(succeeded, failed)
      return result
    }
    return run as Query as Q
  }

  /** Without a promise if the reader needs none: it is behind every check. */
  function timedReader(reader: PrincipalReader): PrincipalReader {
    const name = 'principals.load'
    errors.inc({ query: name }, 0)
    return {
      load(slots) {
        const { succeeded, failed } = start(name)
        try {
          const loading = reader.load(slots)
          if (loading) loading.then(succeeded, failed)
          else succeeded()
          return loading
        } catch (error) {
          failed()
          throw error
        }
      },
    }
  }

  const { principals, ping } = database
  const timedRepositories = Object.entries(database)
    .filter(([name, part]) => typeof part === 'object' && name !== 'principals')
    .map(([name, repository]) => [
      name,
      Object.fromEntries(
        Object.entries<Query>(repository).map(([method, query]) => [
          method,
          timed(`${name}.${method}`, query),
        ]),
      ),
    ])
  // Everything else stays as it is.
  return Object.assign(Object.create(database), Object.fromEntries(timedRepositories), {
    principals: timedReader(principals),
    ping: timed('ping', ping),
  })
}
