import type { FastifyInstance } from 'fastify'
import { v7 as uuidv7 } from 'uuid'
import type { PasswordOwner } from '../passwords/known-words.ts'
import type { ActionContext, NewAccount, Postern } from '../postern.ts'
import type { InvalidField } from '../problem/codes.ts'
import { STORABLE_TEXT } from '../validation.ts'
import { isEmailAddress, normalizeEmail } from './email.ts'
import { findByEmail } from './find-by-email.ts'
import type { AccountHooks } from './hooks.ts'
import { toUser } from './user.ts'

/** The greatest length of a name, in characters. */
export const NAME_MAX_LENGTH = 225

const storableText = new RegExp(STORABLE_TEXT, 'u')

export function createRegistration(app: FastifyInstance): Postern['register'] {
  const { audit, database, throttling } = app
  const { ask, tell } = app.hooks.of<AccountHooks>()

  return async (account, context = {}) => {
    const errors = findUserFaults(account)
    if (errors.length > 0) throw app.problem('invalid_request', { errors })
    const email = normalizeEmail(account.email)
    const name = account.name ?? null
    const row = await throttling.registration(context, async () => {
      const hashedPassword = await hashNewPassword(app, account, context, () =>
        ask('beforeRegister', { email, name, ...context }),
      )
      if (await findByEmail(database.users, account.email)) throw app.problem('email_taken')
      const id = uuidv7()
      const inserted = await audit.by('user_created', { userId: id, ...context }, (event) =>
        database.users.insert({ id, email, name, hashedPassword, createdAt: new Date() }, event),
      )
      if (!inserted) throw app.problem('email_taken')
      return inserted
    })
    const user = toUser(row)
    tell('onRegistered', { user, ...context })
    return user
  }
}

/** Applies the rules of the endpoint's schema to a user that did not come through it. */
export function findUserFaults({ email, name = '' }: Pick<NewAccount, 'email' | 'name'>): InvalidField[] {
  const faults: InvalidField[] = []
  if (!isEmailAddress(email)) faults.push({ path: '/email', message: 'must be an e-mail address' })
  // The length in UTF-16 is never less than that in characters, and costs nothing.
  if (name.length > NAME_MAX_LENGTH && [...name].length > NAME_MAX_LENGTH) {
    faults.push({ path: '/name', message: `must NOT have more than ${NAME_MAX_LENGTH} characters` })
  }
  if (!storableText.test(name)) {
    faults.push({ path: '/name', message: 'must be well-formed text without NUL characters' })
  }
  return faults
}

/**
 * Hashes a new password after it has been checked.
 *
 * @param account the user, and their new password
 * @param mayProceed called before the hash, which is expensive; throws to prevent it
 * @throws the problem `invalid_request`
 */
export async function hashNewPassword(
  app: FastifyInstance,
  account: PasswordOwner & { password: string },
  context: ActionContext = {},
  mayProceed?: () => Promise<void>,
): Promise<string> {
  const { password } = account
  const fault = await app.passwords.findFault(password, account)
  if (fault) throw app.problem('invalid_request', { errors: [{ path: '/password', message: fault }] })
  await mayProceed?.()
  return await app.passwords.hash(password, context)
}
