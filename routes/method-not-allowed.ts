import type { FastifyInstance, HTTPMethods } from 'fastify'

/**
 * Answers 405 with `Allow` (RFC 9110 section 15.5.6) to every method that a path of this scope does not know, which
 * Fastify would call 404. By routes rather than by a not-found handler, since a scope without a prefix cannot have one.
 *
 * @param app a scope before its routes are registered
 * @returns to be called after them
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
        // Before the body is parsed, which may be wrong in its own way.
        onRequest: async () => {
          throw app.problem('method_not_allowed', { headers: { allow } })
        },
        handler: () => {},
      })
    }
  }
}
