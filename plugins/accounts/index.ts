import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { v7 as uuidv7 } from 'uuid'
import type { UserRow } from '../../drizzle/index.ts'
import type { ActionContext, LoginFailure, User } from '../hooks/events.ts'
import type { Credentials, NewAccount } from '../postern.ts'
import type { InvalidField } from '../problem/codes.ts'
import { STORABLE_TEXT } from '../validation.ts'
import { isEmailAddress, normalizeEmail } from './email.ts'

/** Characters of a name at most. */
export const NAME_MAX_LENGTH = 225

const storableText = new RegExp(STORABLE_TEXT, 'u')

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
  const { audit, counters, database, passwords, hookRunner, throttling } = app
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
    const errors = findAccountFaults(account)
    if (errors.length > 0) throw app.problem('invalid_request', { errors })
    const email = normalizeEmail(account.email)
    const name = account.name ?? null
    const row = await throttling.registration(context, async () => {
      const hashedPassword = await hashNewPassword(app, account.password, context, () =>
        hookRunner.ask('beforeRegister', { email, name, ...context }),
      )
      const id = uuidv7()
      const inserted = await audit.by('user_created', { userId: id, ...context }, (event) =>
        users.insert({ id, email, name, hashedPassword, createdAt: new Date() }, event),
      )
      if (!inserted) throw app.problem('email_taken')
      return inserted
    })
    const user = toAccount(row)
    hookRunner.tell('onRegistered', { user, ...context })
    return user
  }

  async function authenticate(credentials: Credentials, context: ActionContext): Promise<UserRow> {
    const email = normalizeEmail(credentials.email)
    const row = await users.findByEmail(email)
    const matches = await throttling.guess({ email, row }, context, () =>
      passwords.verify(credentials.password, row?.hashedPassword, context),
    )
    const failed = async (reason: LoginFailure) => {
      await audit.record('authn_login_fail', { reason, userId: row?.id ?? null, ...context })
      counters.logins[reason] += 1
      hookRunner.tell('onLoginFailed', { email, userId: row?.id ?? null, reason, ...context })
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
      await hookRunner.ask('beforeLogin', { user: toAccount(row), ...context })
    } catch (error) {
      await failed('vetoed')
      throw error
    }
    if (passwords.needsRehash(row.hashedPassword)) await rehash(row, credentials.password)
    return row
  }

  app.decorate('accounts', { register, authenticate })
}

export default fp(accounts, {
  name: 'postern-accounts',
  dependencies: [
    'postern-errors',
    'postern-audit',
    'postern-counters',
    'postern-database',
    'postern-passwords',
    'postern-hooks',
    'postern-throttling',
  ],
})

/** What the endpoint's schema says of an account, for whatever comes here without passing it. */
export function findAccountFaults({ email, name = '' }: Pick<NewAccount, 'email' | 'name'>): InvalidField[] {
  const faults: InvalidField[] = []
  if (!isEmailAddress(email)) faults.push({ path: '/email', message: 'must be an e-mail address' })
  // Its length in UTF-16 is never the smaller one, and known already.
  if (name.length > NAME_MAX_LENGTH && [...name].length > NAME_MAX_LENGTH) {
    faults.push({ path: '/name', message: `must NOT have more than ${NAME_MAX_LENGTH} characters` })
  }
  if (!storableText.test(name)) {
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
  context: ActionContext = {},
  mayProceed?: () => Promise<void>,
): Promise<string> {
  const fault = await app.passwords.findFault(password)
  if (fault) throw app.problem('invalid_request', { errors: [{ path: '/password', message: fault }] })
  await mayProceed?.()
  return await app.passwords.hash(password, context)
}

/** An account without what nobody is to see. */
export function toAccount({ id, email, name, createdAt, disabledAt }: UserRow): User {
  return { id, email, name, createdAt, disabledAt }
}
