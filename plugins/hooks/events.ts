import type { FastifyRequest } from 'fastify'
import type { RateLimitName } from '../throttling/fields.ts'

/** An account, as code sees it. */
export interface User {
  /** UUIDv7. */
  id: string
  email: string
  name: string | null
  createdAt: Date
  /** Since when it is disabled; null while it is enabled. */
  disabledAt: Date | null
}

/** Where an action comes from. */
export interface ActionContext {
  /** The HTTP request, where there is one. */
  request?: FastifyRequest
  /** The client's IP address, where there is no request, or another one than its. Throttling tells clients apart by it. */
  address?: string
}

/** Why a login failed. */
export type LoginFailure = 'unknown_email' | 'wrong_password' | 'account_disabled' | 'vetoed'

/**
 * What a host may take part in. `before…` hooks are awaited, and veto by throwing: the error is the answer, best with a
 * `statusCode`. `on…` hooks are told after the commit; nobody waits for them, and what they throw is only logged.
 */
export interface Hooks {
  /** Before the account is made. */
  beforeRegister?(event: { email: string; name: string | null } & ActionContext): void | Promise<void>
  onRegistered?(event: { user: User } & ActionContext): void | Promise<void>
  /** Before the token is issued: the password was right, and the account is enabled. */
  beforeLogin?(event: { user: User } & ActionContext): void | Promise<void>
  onLoggedIn?(event: { user: User; tokenId: string } & ActionContext): void | Promise<void>
  onLoginFailed?(
    event: { email: string; userId: string | null; reason: LoginFailure } & ActionContext,
  ): void | Promise<void>
  onLoggedOut?(event: { userId: string; tokenId: string } & ActionContext): void | Promise<void>
  /** A request was sent away by throttling; of the same reason it is told once a minute. */
  onThrottled?(
    event: { limit: RateLimitName; email: string | null; userId: string | null } & ActionContext,
  ): void | Promise<void>
}
