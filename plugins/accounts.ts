import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { v7 as uuidv7 } from 'uuid'
import type { UserRow } from '../drizzle/index.ts'
import { isEmailAddress, normalizeEmail } from './email.ts'
import type { InvalidField } from './errors.ts'
import type { ActionContext, LoginFailure, User } from './hooks.ts'
import type { Credentials, NewAccount } from './postern.ts'
import { STORABLE_TEXT } from './validation.ts'

/** Characters of a name at most. */
export const NAME_MAX_LENGTH = 225

/** Accounts, and who may use them. */
export interface Accounts {
  /** @throws the problems `invalid_request` and `email_taken`, and a host's veto */
  register(account: NewAccount, context: ActionContext): Promise<User>
  /** @throws the problems `invalid_credentials`, and `account_disabled` for the right password alone, and a host's veto */
  authenticate(credentials: Credentials, context: ActionContext): Promise<UserRow>
}

declare module 'fastify' {
  interface FastifyInstance {
    accounts: Accounts
  }
}

async function accounts(app: FastifyInstance): Promise<void> {
  const { database, passwords, hookRunner } = app
  const { users } = database

  /** Brings a hash to the present cost, now that the password is at hand. The login does not depend on it. */
  async function rehash({ id, hashedPassword }: UserRow, password: string): Promise<void> {
    try {
      await users.rehash(id, hashedPassword, await passwords.hash(password))
    } catch (error) {
      app.log.warn({ userId: id, type: (error as Error).name }, 'a password could not be hashed anew')
    }
  }

  async function register(account: NewAccount, context: ActionContext): Promise<User> {
    const errors = findFaults(account)
    if (errors.length > 0) throw app.problem('invalid_request', { errors })
    const email = normalizeEmail(account.email)
    const name = account.name ?? null
    const hashedPassword = await hashNewPassword(app, account.password, context, () =>
      hookRunner.ask('beforeRegister', { email, name, ...context }),
    )
    const row = await users.insert({ id: uuidv7(), email, name, hashedPassword, createdAt: new Date() })
    if (!row) throw app.problem('email_taken')
    const user = toAccount(row)
    hookRunner.tell('onRegistered', { user, ...context })
    return user
  }

  async function authenticate(credentials: Credentials, context: ActionContext): Promise<UserRow> {
    const email = normalizeEmail(credentials.email)
    const row = await users.findByEmail(email)
    const matches = await passwords.verify(credentials.password, row?.hashedPassword, context.request)
    const failed = (reason: LoginFailure) =>
      hookRunner.tell('onLoginFailed', { email, userId: row?.id ?? null, reason, ...context })

    if (!row || !matches) {
      failed(row ? 'wrong_password' : 'unknown_email')
      throw app.problem('invalid_credentials')
    }
    if (row.disabledAt) {
      failed('account_disabled')
      throw app.problem('account_disabled')
    }
    try {
      await hookRunner.ask('beforeLogin', { user: toAccount(row), ...context })
    } catch (error) {
      failed('vetoed')
      throw error
    }
    if (passwords.needsRehash(row.hashedPassword)) await rehash(row, credentials.password)
    return row
  }

  app.decorate('accounts', { register, authenticate })
}

export default fp(accounts, {
  name: 'postern-accounts',
  dependencies: ['postern-errors', 'postern-database', 'postern-passwords', 'postern-hooks'],
})

/** What the endpoint's schema says of an account, for code, which comes here without passing it. */
function findFaults({ email, name = '' }: NewAccount): InvalidField[] {
  const faults: InvalidField[] = []
  if (!isEmailAddress(email)) faults.push({ path: '/email', message: 'must be an e-mail address' })
  if ([...name].length > NAME_MAX_LENGTH) {
    faults.push({ path: '/name', message: `must NOT have more than ${NAME_MAX_LENGTH} characters` })
  }
  if (!new RegExp(STORABLE_TEXT, 'u').test(name)) {
    faults.push({ path: '/name', message: 'must be well-formed text without NUL characters' })
  }
  return faults
}

/**
 * Hashes a new password, if nothing speaks against it.
 *
 * @param mayProceed asked between the two, since a hash is dear
 * @throws the problem `invalid_request`
 */
export async function hashNewPassword(
  app: FastifyInstance,
  password: string,
  { request }: ActionContext = {},
  mayProceed?: () => Promise<void>,
): Promise<string> {
  const fault = await app.passwords.findFault(password)
  if (fault) throw app.problem('invalid_request', { errors: [{ path: '/password', message: fault }] })
  await mayProceed?.()
  return await app.passwords.hash(password, request)
}

/** An account without what nobody is to see. */
export function toAccount({ id, email, name, createdAt, disabledAt }: UserRow): User {
  return { id, email, name, createdAt, disabledAt }
}
