import type { ActionContext, LoginFailure, User } from '../postern.ts'

/** The hooks of registration and login. `before…` is awaited and vetoes by throwing; `on…` is told after the commit. */
export interface AccountHooks {
  /** Called before the user is created. */
  beforeRegister?(event: { email: string; name: string | null } & ActionContext): void | Promise<void>
  onRegistered?(event: { user: User } & ActionContext): void | Promise<void>
  /** Called before the token is issued: the password is right, and the user is enabled. */
  beforeLogin?(event: { user: User } & ActionContext): void | Promise<void>
  onLoggedIn?(event: { user: User; tokenId: string } & ActionContext): void | Promise<void>
  onLoginFailed?(
    event: { email: string; userId: string | null; reason: LoginFailure } & ActionContext,
  ): void | Promise<void>
}

export const accountHooks: Record<keyof AccountHooks, true> = {
  beforeRegister: true,
  onRegistered: true,
  beforeLogin: true,
  onLoggedIn: true,
  onLoginFailed: true,
}
