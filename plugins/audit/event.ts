import { isIP } from 'node:net'
import { v7 as uuidv7 } from 'uuid'
import type { AuditEventRow } from '../../drizzle/index.ts'

/**
 * What is audited, by the names of the OWASP logging vocabulary
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

/** The name of an event. */
export type AuditEventName = (typeof AUDIT_EVENTS)[number]

/** What is known of an event. None of it may be a secret. */
export interface AuditDetails
  extends Partial<Pick<AuditEventRow, 'reason' | 'userId' | 'target' | 'actor' | 'address' | 'requestId'>> {
  userAgent?: string | null | undefined
}

/**
 * Runs a write that records an event in its own transaction.
 *
 * @param write gives undefined or false where it took no effect, and then nothing has happened
 */
export type AuditedWrite<Details = AuditDetails> = <T>(
  event: AuditEventName,
  details: Details,
  write: (event: AuditEventRow) => Promise<T>,
) => Promise<T>

/** Characters of a `User-Agent` that are kept. */
const USER_AGENT_MAX_LENGTH = 256

/** Makes an event of this moment. */
export function makeAuditEvent(event: AuditEventName, details: AuditDetails = {}): AuditEventRow {
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

/** A stranger's text without what a terminal or a log reader would take for a command. */
function printable(text: string): string {
  return text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
}
