import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

/** Version, trace id, parent id, flags, and the fields of later versions (W3C Trace Context section 3.2). */
const TRACEPARENT = /^([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(-.*)?$/

/** Adds the trace id of a request's `traceparent` header to its log lines. */
async function traceContext(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', (request, reply, done) => {
    logTraceId(request, reply)
    done()
  })
}

export default fp(traceContext, { name: 'postern-trace-context' })

/** The same for a request that does not reach the hooks. */
export function logTraceId(request: FastifyRequest, reply: FastifyReply): void {
  const { traceparent } = request.headers
  if (traceparent === undefined) return
  const traceId = parseTraceId(traceparent)
  if (traceId !== undefined) bindToLog(request, reply, { trace_id: traceId })
}

/** Adds fields to all later log lines of a request. */
export function bindToLog(
  request: FastifyRequest,
  reply: FastifyReply,
  fields: Record<string, string>,
): void {
  request.log = request.log.child(fields)
  reply.log = request.log
}

function parseTraceId(traceparent: string | string[]): string | undefined {
  const [, version, traceId, more] = TRACEPARENT.exec(String(traceparent)) ?? []
  const isValid = version !== 'ff' && !(version === '00' && more !== undefined)
  return isValid ? traceId : undefined
}
