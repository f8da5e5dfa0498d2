import type { ActionContext } from '../postern.ts'
import type { RateLimitName } from './fields.ts'

/** The hook of throttling. Repeated refusals of the same client or user are told once a minute. */
export interface ThrottlingHooks {
  onThrottled?(
    event: { limit: RateLimitName; email: string | null; userId: string | null } & ActionContext,
  ): void | Promise<void>
}

export const throttlingHooks: Record<keyof ThrottlingHooks, true> = { onThrottled: true }
