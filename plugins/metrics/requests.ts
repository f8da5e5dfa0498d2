import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Durations } from './durations.ts'

/** What a request is counted under. None of it is a client's to choose. */
export interface RequestLabels extends Record<string, string> {
  /** As HTTP defines it, or `other`. */
  method: string
  /** The path as it is registered, never as it was asked for; `unknown` where there is no such path. */
  route: string
  status: string
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Only where somebody wants to know. */
    requestCounts?: RequestCounts
  }
}

/** Those of RFC 9110 and RFC 5789; a gateway may ask with any other. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** How many requests there were, and how long they took. As many series at most as there are routes, methods and statuses. */
export class RequestCounts {
  readonly #routes = new Map<string, Map<string, Map<number, Durations>>>()

  count(request: FastifyRequest, reply: FastifyReply): void {
    const { url = 'unknown' } = request.routeOptions
    const method = METHODS.has(request.method) ? request.method : 'other'
    const statuses = entry(
      entry(this.#routes, url, () => new Map<string, Map<number, Durations>>()),
      method,
      () => new Map<number, Durations>(),
    )
    entry(statuses, reply.statusCode, () => new Durations()).observe(reply.elapsedTime / 1000)
  }

  *[Symbol.iterator](): Generator<[RequestLabels, Durations]> {
    for (const [route, methods] of this.#routes) {
      for (const [method, statuses] of methods) {
        for (const [status, durations] of statuses) yield [{ method, route, status: `${status}` }, durations]
      }
    }
  }
}

/** Counts the requests of its scope, or leaves that to a scope around it which does so already. */
async function requestCounts(app: FastifyInstance): Promise<void> {
  if (app.hasDecorator('requestCounts')) return
  const counts = new RequestCounts()
  app.addHook('onResponse', (request, reply, done) => {
    counts.count(request, reply)
    done()
  })
  app.decorate('requestCounts', counts)
}

export default fp(requestCounts, { name: 'postern-request-counts' })

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
