import type { PrincipalReader } from './principals.ts'

/** Makes of what a query has thrown what its caller is to catch. */
export type Translate = (error: unknown) => unknown

/** The same reader, without a promise where it needs none: it is behind every check. */
export function guardReader(reader: PrincipalReader, translate: Translate): PrincipalReader {
  return {
    load(slots) {
      try {
        return reader.load(slots)?.catch((error: unknown) => {
          throw translate(error)
        })
      } catch (error) {
        throw translate(error)
      }
    },
  }
}

type Query = (...parameters: never[]) => Promise<unknown>

/** The same query, whose failure for the database's sake is told from every other. */
export function guard<Q extends Query>(query: Q, translate: Translate): Q {
  const guarded = async (...parameters: Parameters<Q>) => {
    try {
      return await query(...parameters)
    } catch (error) {
      throw translate(error)
    }
  }
  return guarded as Query as Q
}

/** The same repositories, each query of them guarded. */
export function guardAll<R extends Record<string, Record<string, Query>>>(
  repositories: R,
  translate: Translate,
): R {
  const guarded = Object.entries(repositories).map(([name, repository]) => [
    name,
    Object.fromEntries(
      Object.entries(repository).map(([method, query]) => [method, guard(query, translate)]),
    ),
  ])
  return Object.fromEntries(guarded) as R
}
