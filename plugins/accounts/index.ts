import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { UserRow } from '../../drizzle/index.ts'
import type { Postern } from '../postern.ts'
import { createUserChanges } from './changes.ts'
import { createLogin } from './credentials.ts'
import { findByEmail } from './find-by-email.ts'
import { createRegistration, hashNewPassword } from './registration.ts'
import { toUser } from './user.ts'

/** Registers, logs in and changes users. Each change takes effect on the next request. */
export type Accounts = Pick<
  Postern,
  | 'register'
  | 'login'
  | 'findUser'
  | 'disableUser'
  | 'enableUser'
  | 'setPassword'
  | 'logOutEverywhere'
  | 'deleteUser'
>

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
    login: createLogin(app),
    findUser: async (by) =>
      user('id' in by ? await users.findById(by.id) : await findByEmail(users, by.email)),
    disableUser: async (id, context) => user(await changes.disable(id, context)),
    enableUser: async (id, context) => user(await changes.enable(id, context)),
    async setPassword(id, password, context) {
      const row = await users.findById(id)
      if (!row) return undefined
      const { email, name } = row
      return user(
        await changes.setPassword(id, await hashNewPassword(app, { email, name, password }), context),
      )
    },
    logOutEverywhere: async (id, context) => user(await changes.logOutEverywhere(id, context)),
    deleteUser: async (id, context) => user(await changes.delete(id, context)),
  })
}

export default fp(accounts, {
  name: 'postern-accounts',
  dependencies: [
    'postern-audit',
    'postern-database',
    'postern-hooks',
    'postern-metrics',
    'postern-passwords',
    'postern-problem',
    'postern-throttling',
    'postern-tokens',
  ],
})
