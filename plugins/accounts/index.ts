import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { UserRow } from '../../drizzle/index.ts'
import type { Postern } from '../postern.ts'
import { createUserChanges } from './changes.ts'
import { type CheckCredentials, createCredentialsCheck } from './credentials.ts'
import { normalizeEmail } from './email.ts'
import { createRegistration, hashNewPassword } from './registration.ts'
import { toUser } from './user.ts'

type Management =
  | 'register'
  | 'findUser'
  | 'disableUser'
  | 'enableUser'
  | 'setPassword'
  | 'logOutEverywhere'
  | 'deleteUser'

/** The users: who they are, and what operators do to them. Each change takes effect on the next request. */
export interface Accounts extends Pick<Postern, Management> {
  authenticate: CheckCredentials
}

declare module 'fastify' {
  interface FastifyInstance {
    accounts: Accounts
  }
}

async function accounts(app: FastifyInstance): Promise<void> {
  const { users } = app.database
  const changes = createUserChanges(users, app.audit.by)
  const user = (row: UserRow | undefined) => row && toUser(row)

  app.decorate('accounts', {
    register: createRegistration(app),
    authenticate: createCredentialsCheck(app),
    findUser: async (by) =>
      user('id' in by ? await users.findById(by.id) : await users.findByEmail(normalizeEmail(by.email))),
    disableUser: async (id, context) => user(await changes.disable(id, context)),
    enableUser: async (id, context) => user(await changes.enable(id, context)),
    async setPassword(id, password, context) {
      return user(await changes.setPassword(id, await hashNewPassword(app, password), context))
    },
    logOutEverywhere: async (id, context) => user(await changes.logOutEverywhere(id, context)),
    deleteUser: async (id, context) => user(await changes.delete(id, context)),
  })
}

export default fp(accounts, {
  name: 'postern-accounts',
  dependencies: [
    'postern-audit',
    'postern-counters',
    'postern-database',
    'postern-hooks',
    'postern-passwords',
    'postern-problem',
    'postern-throttling',
  ],
})
