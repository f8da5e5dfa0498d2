import type { Repositories, UserRow } from '../../drizzle/index.ts'
import type { AuditDetails, AuditedWrite } from '../audit/event.ts'
import type { ActionContext } from '../postern.ts'

type Details = Omit<AuditDetails, 'reason' | 'userId'> & ActionContext

/** Changes of an existing user. Each resolves with the user after the change, or undefined if there is no such user. */
export interface UserChanges {
  disable(id: string, details?: Details): Promise<UserRow | undefined>
  enable(id: string, details?: Details): Promise<UserRow | undefined>
  setPassword(id: string, hashedPassword: string, details?: Details): Promise<UserRow | undefined>
  logOutEverywhere(id: string, details?: Details): Promise<UserRow | undefined>
  /** Resolves with the user as they were. */
  delete(id: string, details?: Details): Promise<UserRow | undefined>
}

/** Changes users, and records each change under the same name whether it comes from code or from a command. */
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
