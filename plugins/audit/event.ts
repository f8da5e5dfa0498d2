import { isIP } from 'node:net'
import { v7 as uuidv7 } from 'uuid'
import type { AuditEventRow } from '../../drizzle/index.ts'

/**
 * The events, by the names of the OWASP logging vocabulary
 * (https://cheatsheetseries.owasp.org/cheatsheets/Logging_Vocabulary_Cheat_Sheet.html).
 */
export const AUDIT_EVENTS = [
  'user_created',
  'user_updated',
  'user_deleted',
  'authn_login_success',
  'authn_login_fail',
  'authn_password_change',
  'authn_token_revoked',
  'excess_rate_limit_exceeded',
  'sensitive_create',
  'sensitive_delete',
] as const

export type AuditEventName = (typeof AUDIT_EVENTS)[number]

/** What is known about an event. None of it may be a secret. */
export interface AuditDetails
  extends Partial<Pick<AuditEventRow, 'reason' | 'userId' | 'target' | 'actor' | 'address' | 'requestId'>> {
  userAgent?: string | null | undefined
}

/**
 * Runs a write that records an event in its own transaction.
 *
 * @param write resolves with undefined or false if it changed nothing: then there is no event
 */
export type AuditedWrite<Details = AuditDetails> = <T>(
  event: AuditEventName,
  details: Details,
  write: (event: AuditEventRow) => Promise<T>,
) => Promise<T>

/** How many characters of a `User-Agent` are kept. */
const USER_AGENT_MAX_LENGTH = 256

/** Creates an event of this moment. */
export function createAuditEvent(event: AuditEventName, details: AuditDetails = {}): AuditEventRow {
  const { reason, userId, target, actor, address, userAgent, requestId } = details
  return {
    id: uuidv7(),
    event,
    reason: reason ?? null,
    userId: userId ?? null,
    target: target ?? null,
    actor: actor ?? null,
    address: address && isIP(address) !== 0 ? address : null,
    userAgent: userAgent ? printable(userAgent).slice(0, USER_AGENT_MAX_LENGTH) : null,
    requestId: requestId ?? null,
    createdAt: new Date(),
  }
}

/** A client's text without the characters that a terminal or a log reader would interpret. */
function printable(text: string): string {
  return text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
}
