import type { FastifyInstance } from 'fastify'
import type { UserRow } from '../../drizzle/index.ts'
import type { ActionContext, Credentials, LoginFailure, Postern } from '../postern.ts'
import { normalizeEmail } from './email.ts'
import { findByEmail } from './find-by-email.ts'
import type { AccountHooks } from './hooks.ts'
import { toUser } from './user.ts'

const OUTCOMES: readonly ('succeeded' | LoginFailure)[] = [
  'succeeded',
  'unknown_email',
  'wrong_password',
  'account_disabled',
  'vetoed',
]

export function createLogin(app: FastifyInstance): Postern['login'] {
  const { audit, passwords, throttling, tokens } = app
  const { users } = app.database
  const { ask, tell } = app.hooks.of<AccountHooks>()
  const logins = app.metrics.counter({
    name: 'logins_total',
    help: 'Logins whose password was verified.',
    labelNames: ['outcome'],
  })
  for (const outcome of OUTCOMES) logins.inc({ outcome }, 0)

  /** Brings a hash to the present cost while the password is known. The login does not depend on it. */
  async function rehash({ id, hashedPassword }: UserRow, password: string): Promise<void> {
    try {
      await users.rehash(id, hashedPassword, await passwords.hash(password))
    } catch (error) {
      app.log.warn({ userId: id, type: (error as Error).name }, 'a password could not be rehashed')
    }
  }

  /**
   * Finds the user whose e-mail and password these are.
   *
   * @throws the problems `invalid_credentials`, and `account_disabled` for the right password only; the error of a
   *   `beforeLogin` hook
   */
  async function authenticate(credentials: Credentials, context: ActionContext): Promise<UserRow> {
    const email = normalizeEmail(credentials.email)
    const row = await findByEmail(users, credentials.email)
    const matches = await throttling.guess({ email, row }, context, () =>
      passwords.verify(credentials.password, row?.hashedPassword, context),
    )
    const failed = async (reason: LoginFailure) => {
      const userId = row?.id ?? null
      await audit.record('authn_login_fail', { reason, userId, ...context })
      logins.inc({ outcome: reason })
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

  return async (credentials, context = {}) => {
    const row = await authenticate(credentials, context)
    const { accessToken, expiresIn, tokenId } = await tokens.issue(row)
    const user = toUser(row)
    await audit.record('authn_login_success', { userId: row.id, target: tokenId, ...context })
    logins.inc({ outcome: 'succeeded' })
    tell('onLoggedIn', { user, tokenId, ...context })
    return { user, accessToken, expiresIn }
  }
}
