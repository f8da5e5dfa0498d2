import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

const HEADER = 'x-request-id'

/** What may stand in a log as it is. */
const ACCEPTABLE = /^[\w.:/+=-]{1,128}$/

/** The id that the caller gave a request, or a new one where it gave none that is fit for a log. */
export function requestId({ headers }: { headers: NodeJS.Dict<string | string[]> }): string {
  const given = headers[HEADER]
  return typeof given === 'string' && ACCEPTABLE.test(given) ? given : randomUUID()
}

/** Returns each request's id with its answer. */
async function requestIds(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(HEADER, request.id)
    done()
  })
}

export default fp(requestIds, { name: 'postern-request-id' })
