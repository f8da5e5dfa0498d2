import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import accounts from '../plugins/accounts.ts'
import administration from '../plugins/administration.ts'
import authenticate from '../plugins/authenticate.ts'
import clients from '../plugins/clients.ts'
import database from '../plugins/database.ts'
import errors from '../plugins/errors.ts'
import hooks from '../plugins/hooks.ts'
import keyRotation from '../plugins/key-rotation.ts'
import passwords from '../plugins/passwords.ts'
import service from '../plugins/postern.ts'
import pruning from '../plugins/pruning.ts'
import requestAuth from '../plugins/request-auth.ts'
import signingKeys from '../plugins/signing-keys.ts'
import tokens from '../plugins/tokens.ts'
import validation from '../plugins/validation.ts'
import routes from '../routes/index.ts'
import { type ParsedHostOptions, type PosternOptions, parseHostOptions } from './host-options.ts'

export { migrate, type SqliteHandle } from '../drizzle/index.ts'
export type { Problem, ProblemCode } from '../plugins/errors.ts'
export type { ActionContext, Hooks, LoginFailure, User } from '../plugins/hooks.ts'
export type { Auth, Authenticate, Credentials, Login, NewAccount, Postern } from '../plugins/postern.ts'
export type { PosternOptions } from './host-options.ts'
export { InvalidOptionsError, OptionsSchema } from './options.ts'

/**
 * Postern as a Fastify plugin. It adds its endpoints under `prefix`, and to the app `authenticate`, an `onRequest` hook that
 * guards your own routes, and `postern`, an interface for your code. Everything else stays in a scope of its own.
 *
 * @throws InvalidOptionsError at registration, naming every option that is wrong
 */
const postern: FastifyPluginAsync<PosternOptions> = async (app, given) => {
  const parsed = parseHostOptions(given)
  if (Object.hasOwn(app, 'postern')) {
    throw new Error(
      'Postern is registered here already. Register another one in a child: app.register(async (child) => …).',
    )
  }
  await app.register(requestAuth)
  await app.register(async (scope) => {
    await build(scope, parsed)
    app.decorate('authenticate', scope.authenticate)
    app.decorate('postern', scope.postern)
  }, parsed.registration)
}

/** Everything, in the order in which it is needed. */
async function build(scope: FastifyInstance, parsed: ParsedHostOptions): Promise<void> {
  const { source, secretKey, hooks: given, options } = parsed
  const { algorithm, issuer, audience, keyRotationDays: rotationDays } = options
  const { bcryptCost, passwordMinLength } = options
  const tokenLifetime = options.accessTokenExpireMinutes * 60

  await scope.register(errors)
  await scope.register(validation)
  await scope.register(database, { source })
  await scope.register(pruning)
  await scope.register(hooks, given)
  await scope.register(signingKeys, { secretKey, algorithm, issuer, audience, tokenLifetime })
  await scope.register(keyRotation, { rotationDays })
  await scope.register(tokens, { issuer, audience, tokenLifetime })
  await scope.register(passwords, { bcryptCost, passwordMinLength })
  await scope.register(accounts)
  await scope.register(administration)
  await scope.register(authenticate)
  await scope.register(clients)
  await scope.register(service)
  await scope.register(routes, { issuer })
}

export default fp(postern, { name: 'postern', fastify: '5.x' })
