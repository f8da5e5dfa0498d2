import type { Repositories, UserRow } from '../../drizzle/index.ts'
import type { AuditDetails, AuditedWrite } from '../audit/event.ts'
import type { ActionContext } from '../hooks/events.ts'

type Details = Omit<AuditDetails, 'reason' | 'userId'> & ActionContext

/** What is done to an account that is there. Each gives it as it is afterwards, or undefined where there is none. */
export interface UserChanges {
  disable(id: string, details?: Details): Promise<UserRow | undefined>
  enable(id: string, details?: Details): Promise<UserRow | undefined>
  setPassword(id: string, hashedPassword: string, details?: Details): Promise<UserRow | undefined>
  logOutEverywhere(id: string, details?: Details): Promise<UserRow | undefined>
  /** Gives it as it was. */
  delete(id: string, details?: Details): Promise<UserRow | undefined>
}

/** Changes accounts under the name that each change has in the audit trail, whoever makes it. */
export function createUserChanges(
  users: Repositories['users'],
  audit: AuditedWrite<AuditDetails & ActionContext>,
): UserChanges {
  return {
    disable: (userId, details) =>
      audit('user_updated', { ...details, userId, reason: 'disabled' }, (event) =>
        users.disable(userId, new Date(), event),
      ),
    enable: (userId, details) =>
      audit('user_updated', { ...details, userId, reason: 'enabled' }, (event) =>
        users.enable(userId, event),
      ),
    setPassword: (userId, hashedPassword, details) =>
      audit('authn_password_change', { ...details, userId }, (event) =>
        users.setPassword(userId, hashedPassword, event),
      ),
    logOutEverywhere: (userId, details) =>
      audit('authn_token_revoked', { ...details, userId, reason: 'logged_out_everywhere' }, (event) =>
        users.raiseTokenVersion(userId, event),
      ),
    delete: (userId, details) =>
      audit('user_deleted', { ...details, userId }, (event) => users.delete(userId, event)),
  }
}
