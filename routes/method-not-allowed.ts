import type { FastifyInstance, HTTPMethods } from 'fastify'

/**
 * Answers 405 with `Allow` (RFC 9110 section 15.5.6) to every method that a path of this scope does not have; Fastify
 * would answer 404. It adds routes, since a scope without a prefix cannot have a not-found handler.
 *
 * @param app a scope before its routes are registered
 * @returns a function to call after they are
 */
export function answerOtherMethods(app: FastifyInstance): () => void {
  const methodsByPath = new Map<string, Set<string>>()

  app.addHook('onRoute', ({ method, routePath }) => {
    const methods = methodsByPath.get(routePath) ?? new Set()
    for (const name of [method].flat()) methods.add(name)
    methodsByPath.set(routePath, methods)
  })

  return () => {
    for (const [url, methods] of [...methodsByPath]) {
      const allow = [...methods].join(', ')
      const others = app.supportedMethods.filter((name) => !methods.has(name))
      app.route({
        method: others as HTTPMethods[],
        url,
        schema: { hide: true },
        // Before the body is parsed, which may be invalid too.
        onRequest: async () => {
          throw app.problem('method_not_allowed', { headers: { allow } })
        },
        handler: () => {},
      })
    }
  }
}
