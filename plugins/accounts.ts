import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { v7 as uuidv7 } from 'uuid'
import type { UserRow } from '../drizzle/index.ts'
import { normalizeEmail } from './email.ts'

/** What somebody must know to log in. */
export interface Credentials {
  email: string
  password: string
}

/** Accounts, and who may use them. */
export interface Accounts {
  /** @throws the problems `invalid_request` (the password is no good) and `email_taken` */
  register(account: Credentials & { name?: string | undefined }): Promise<UserRow>
  /** @throws the problems `invalid_credentials`, and `account_disabled` for the right password alone */
  authenticate(credentials: Credentials): Promise<UserRow>
}

declare module 'fastify' {
  interface FastifyInstance {
    accounts: Accounts
  }
}

async function accounts(app: FastifyInstance): Promise<void> {
  const { users } = app.database

  /** Brings a hash to the present cost, now that the password is at hand. The login does not depend on it. */
  async function rehash({ id, hashedPassword }: UserRow, password: string): Promise<void> {
    try {
      await users.rehash(id, hashedPassword, await app.passwords.hash(password))
    } catch (error) {
      app.log.warn({ userId: id, type: (error as Error).name }, 'a password could not be hashed anew')
    }
  }

  app.decorate('accounts', {
    async register({ email, password, name }) {
      const fault = await app.passwords.findFault(password)
      if (fault) {
        throw app.problem('invalid_request', { errors: [{ path: '/password', message: fault }] })
      }
      const user = await users.insert({
        id: uuidv7(),
        email: normalizeEmail(email),
        name: name ?? null,
        hashedPassword: await app.passwords.hash(password),
        createdAt: new Date(),
      })
      if (!user) throw app.problem('email_taken')
      return user
    },

    async authenticate({ email, password }) {
      const user = await users.findByEmail(normalizeEmail(email))
      const matches = await app.passwords.verify(password, user?.hashedPassword)
      if (!user || !matches) {
        throw app.problem('invalid_credentials')
      }
      if (user.disabledAt) throw app.problem('account_disabled')
      if (app.passwords.needsRehash(user.hashedPassword)) await rehash(user, password)
      return user
    },
  })
}

export default fp(accounts, {
  name: 'postern-accounts',
  dependencies: ['postern-errors', 'postern-database', 'postern-passwords'],
})
