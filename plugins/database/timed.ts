import type { Database, PrincipalReader } from '../../drizzle/index.ts'
import { Durations } from '../metrics/durations.ts'

/** How a query has done so far. */
export interface QueryCount {
  /** Of those that were answered. */
  readonly durations: Durations
  failures: number
}

/** How the queries have done, by their names in the code: `users.findByEmail`. */
export type QueryCounts = ReadonlyMap<string, QueryCount>

type Query = (...parameters: never[]) => Promise<unknown>

/** The same database, whose queries are timed. */
export function timeQueries(database: Database): { database: Database; queries: QueryCounts } {
  const queries = new Map<string, QueryCount>()

  function timed<Q extends Query>(name: string, query: Q): Q {
    const count = { durations: new Durations(), failures: 0 }
    queries.set(name, count)
    const run = (...parameters: Parameters<Q>) => {
      const begun = performance.now()
      const answer = query(...parameters)
      answer.then(
        () => count.durations.observe((performance.now() - begun) / 1000),
        () => (count.failures += 1),
      )
      return answer
    }
    return run as Query as Q
  }

  /** Without a promise where there was none: it is behind every check. */
  function timedReader(reader: PrincipalReader): PrincipalReader {
    const count = { durations: new Durations(), failures: 0 }
    queries.set('principals.load', count)
    return {
      load(slots) {
        const begun = performance.now()
        const observe = () => count.durations.observe((performance.now() - begun) / 1000)
        try {
          const loading = reader.load(slots)
          if (!loading) observe()
          loading?.then(observe, () => (count.failures += 1))
          return loading
        } catch (error) {
          count.failures += 1
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
  return {
    // What is not a query stays as it is.
    database: Object.assign(Object.create(database), Object.fromEntries(timedRepositories), {
      principals: timedReader(principals),
      ping: timed('ping', ping),
    }),
    queries,
  }
}
