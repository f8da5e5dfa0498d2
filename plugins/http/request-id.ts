import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

const HEADER = 'x-request-id'

/** An id that is safe to log. */
const ACCEPTABLE = /^[\w.:/+=-]{1,128}$/

/** The id that the client gave a request, or a new one if it gave none that is safe to log. */
export function requestId({ headers }: { headers: NodeJS.Dict<string | string[]> }): string {
  const given = headers[HEADER]
  return typeof given === 'string' && ACCEPTABLE.test(given) ? given : randomUUID()
}

/** Returns each request's id with its response. */
async function requestIds(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(HEADER, request.id)
    done()
  })
}

export default fp(requestIds, { name: 'postern-request-id' })
