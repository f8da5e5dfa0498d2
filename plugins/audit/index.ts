import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { AuditEventRow } from '../../drizzle/index.ts'
import type { ActionContext } from '../postern.ts'
import { type AuditDetails, type AuditEventName, type AuditedWrite, createAuditEvent } from './event.ts'

/** Records who did what: in the database and then, once that is durable, in the log. */
export interface Audit {
  by: AuditedWrite<AuditDetails & Pick<ActionContext, 'request'>>
  /** Records an event that belongs to no other write. */
  record(event: AuditEventName, details: AuditDetails & Pick<ActionContext, 'request'>): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    audit: Audit
  }
}

async function audit(app: FastifyInstance): Promise<void> {
  const by: Audit['by'] = async (name, { request, ...details }, write) => {
    const event = createAuditEvent(name, { ...(request && originOf(request)), ...details })
    const result = await write(event)
    if (result !== undefined && result !== false) log(event, request)
    return result
  }

  function log(event: AuditEventRow, request: ActionContext['request']): void {
    const { event: name, reason, userId, target, address, userAgent } = event
    const { log } = request ?? app
    log.info({ audit: { event: name, reason, userId, target, address, userAgent } }, name)
  }

  app.decorate('audit', {
    by,
    record: (name, details) =>
      by(name, details, async (event) => {
        await app.database.auditEvents.insert(event)
        return true
      }).then(() => undefined),
  })
}

/** The client behind a request. */
function originOf(request: NonNullable<ActionContext['request']>): AuditDetails {
  return { address: request.ip, userAgent: request.headers['user-agent'], requestId: String(request.id) }
}

export default fp(audit, { name: 'postern-audit', dependencies: ['postern-database'] })
