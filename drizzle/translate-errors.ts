import type { PrincipalReader } from './principals.ts'

/** Turns the error of a query into the one that its caller catches. */
export type Translate = (error: unknown) => unknown

/** Translates the errors of a reader. Where it returns no promise, neither does the result: every check calls it. */
export function translateReaderErrors(reader: PrincipalReader, translate: Translate): PrincipalReader {
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

/** Translates the errors of a query. */
export function translateErrors<Q extends Query>(query: Q, translate: Translate): Q {
  const translated = async (...parameters: Parameters<Q>) => {
    try {
      return await query(...parameters)
    } catch (error) {
      throw translate(error)
    }
  }
  return translated as Query as Q
}

/** Translates the errors of all queries of all repositories. */
export function translateRepositoryErrors<R extends Record<string, Record<string, Query>>>(
  repositories: R,
  translate: Translate,
): R {
  const translated = Object.entries(repositories).map(([name, repository]) => [
    name,
    Object.fromEntries(
      Object.entries(repository).map(([method, query]) => [method, translateErrors(query, translate)]),
    ),
  ])
  return Object.fromEntries(translated) as R
}
