import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { UserRow } from '../drizzle/index.ts'
import { createUserChanges } from './accounts/changes.ts'
import { normalizeEmail } from './accounts/email.ts'
import { hashNewPassword, toAccount } from './accounts/index.ts'
import type { ActionContext, User } from './hooks/events.ts'

/** What an operator does to accounts. Each acts on the very next request, in every process. */
export interface Administration {
  findUser(by: { id: string } | { email: string }): Promise<User | undefined>
  /** Refuses its tokens and its logins. */
  disableUser(id: string, context?: ActionContext): Promise<User | undefined>
  /** Lets it log in again. Tokens from before it was disabled stay refused. */
  enableUser(id: string, context?: ActionContext): Promise<User | undefined>
  /**
   * Sets another password and refuses the tokens issued so far.
   *
   * @throws the problem `invalid_request` where the password is no good
   */
  setPassword(id: string, password: string, context?: ActionContext): Promise<User | undefined>
  /** Refuses the tokens issued so far. */
  logOutEverywhere(id: string, context?: ActionContext): Promise<User | undefined>
  deleteUser(id: string, context?: ActionContext): Promise<User | undefined>
}

declare module 'fastify' {
  interface FastifyInstance {
    administration: Administration
  }
}

async function administration(app: FastifyInstance): Promise<void> {
  const { users } = app.database
  const changes = createUserChanges(users, app.audit.by)
  const account = (row: UserRow | undefined) => row && toAccount(row)

  app.decorate('administration', {
    findUser: async (by) =>
      account('id' in by ? await users.findById(by.id) : await users.findByEmail(normalizeEmail(by.email))),
    disableUser: async (id, context) => account(await changes.disable(id, context)),
    enableUser: async (id, context) => account(await changes.enable(id, context)),
    async setPassword(id, password, context) {
      return account(await changes.setPassword(id, await hashNewPassword(app, password), context))
    },
    logOutEverywhere: async (id, context) => account(await changes.logOutEverywhere(id, context)),
    deleteUser: async (id, context) => account(await changes.delete(id, context)),
  })
}

export default fp(administration, {
  name: 'postern-administration',
  dependencies: ['postern-accounts', 'postern-audit'],
})
