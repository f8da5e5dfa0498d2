import type { ActionContext } from '../postern.ts'

/** The hook of revocation, told after the commit. */
export interface TokenHooks {
  onLoggedOut?(event: { userId: string; tokenId: string } & ActionContext): void | Promise<void>
}

export const tokenHooks: Record<keyof TokenHooks, true> = { onLoggedOut: true }
