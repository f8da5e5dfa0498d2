import type { FastifyInstance } from 'fastify'
import type { UserRow } from '../../drizzle/index.ts'
import type { ActionContext, Credentials, LoginFailure } from '../postern.ts'
import { normalizeEmail } from './email.ts'
import type { AccountHooks } from './hooks.ts'
import { toUser } from './user.ts'

/**
 * Finds the user whose e-mail and password these are.
 *
 * @throws the problems `invalid_credentials`, and `account_disabled` for the right password only; the error of a
 *   `beforeLogin` hook
 */
export type CheckCredentials = (credentials: Credentials, context: ActionContext) => Promise<UserRow>

export function createCredentialsCheck(app: FastifyInstance): CheckCredentials {
  const { audit, counters, passwords, throttling } = app
  const { users } = app.database
  const { ask, tell } = app.hooks.of<AccountHooks>()

  /** Brings a hash to the present cost while the password is known. The login does not depend on it. */
  async function rehash({ id, hashedPassword }: UserRow, password: string): Promise<void> {
    try {
      await users.rehash(id, hashedPassword, await passwords.hash(password))
    } catch (error) {
      app.log.warn({ userId: id, type: (error as Error).name }, 'a password could not be rehashed')
    }
  }

  return async (credentials, context) => {
    const email = normalizeEmail(credentials.email)
    const row = await users.findByEmail(email)
    const matches = await throttling.guess({ email, row }, context, () =>
      passwords.verify(credentials.password, row?.hashedPassword, context),
    )
    const failed = async (reason: LoginFailure) => {
      const userId = row?.id ?? null
      await audit.record('authn_login_fail', { reason, userId, ...context })
      counters.logins[reason] += 1
      tell('onLoginFailed', { email, userId, reason, ...context })
    }

    if (!row || !matches) {
      await failed(row ? 'wrong_password' : 'unknown_email')
      throw app.problem('invalid_credentials')
    }
    if (row.disabledAt) {
      await failed('account_disabled')
      throw app.problem('account_disabled')
    }
    try {
      await ask('beforeLogin', { user: toUser(row), ...context })
    } catch (error) {
      await failed('vetoed')
      throw error
    }
    if (passwords.needsRehash(row.hashedPassword)) await rehash(row, credentials.password)
    return row
  }
}
