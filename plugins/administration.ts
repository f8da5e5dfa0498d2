import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { UserRow } from '../drizzle/index.ts'
import { hashNewPassword, toAccount } from './accounts.ts'
import { normalizeEmail } from './email.ts'
import type { User } from './hooks.ts'

/** What an operator does to accounts. Each acts on the very next request, in every process. */
export interface Administration {
  findUser(by: { id: string } | { email: string }): Promise<User | undefined>
  /** Refuses its tokens and its logins. */
  disableUser(id: string): Promise<User | undefined>
  /** Lets it log in again. Tokens from before it was disabled stay refused. */
  enableUser(id: string): Promise<User | undefined>
  /**
   * Sets another password and refuses the tokens issued so far.
   *
   * @throws the problem `invalid_request` where the password is no good
   */
  setPassword(id: string, password: string): Promise<User | undefined>
  /** Refuses the tokens issued so far. */
  logOutEverywhere(id: string): Promise<User | undefined>
  deleteUser(id: string): Promise<User | undefined>
}

declare module 'fastify' {
  interface FastifyInstance {
    administration: Administration
  }
}

async function administration(app: FastifyInstance): Promise<void> {
  const { users } = app.database
  const account = (row: UserRow | undefined) => row && toAccount(row)

  app.decorate('administration', {
    findUser: async (by) =>
      account('id' in by ? await users.findById(by.id) : await users.findByEmail(normalizeEmail(by.email))),
    disableUser: async (id) => account(await users.setDisabledAt(id, new Date())),
    enableUser: async (id) => account(await users.setDisabledAt(id, null)),
    setPassword: async (id, password) =>
      account(await users.setPassword(id, await hashNewPassword(app, password))),
    logOutEverywhere: async (id) => account(await users.raiseTokenVersion(id)),
    deleteUser: async (id) => account(await users.delete(id)),
  })
}

export default fp(administration, {
  name: 'postern-administration',
  dependencies: ['postern-accounts'],
})
