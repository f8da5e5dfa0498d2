import './plugin-node-version.js'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import accounts from '../plugins/accounts.ts'
import administration from '../plugins/administration.ts'
import audit from '../plugins/audit.ts'
import authenticate from '../plugins/authenticate.ts'
import clientAddress from '../plugins/client-address.ts'
import clients from '../plugins/clients.ts'
import counters from '../plugins/counters.ts'
import database from '../plugins/database.ts'
import errorHandler from '../plugins/error-handler.ts'
import hookRunner from '../plugins/hook-runner.ts'
import keyRotation from '../plugins/key-rotation.ts'
import metrics from '../plugins/metrics.ts'
import passwords from '../plugins/passwords.ts'
import service from '../plugins/postern.ts'
import pruning from '../plugins/pruning.ts'
import rateLimits from '../plugins/rate-limits.ts'
import requestAuth from '../plugins/request-auth.ts'
import requestCounts from '../plugins/request-counts.ts'
import signingKeys from '../plugins/signing-keys.ts'
import throttling from '../plugins/throttling.ts'
import tokens from '../plugins/tokens.ts'
import validation from '../plugins/validation.ts'
import routes from '../routes/index.ts'
import { type ParsedHostOptions, type PosternOptions, parseHostOptions } from './host-options.ts'
import { serverSettings } from './options.ts'

export { NewerDatabaseError } from '../drizzle/errors.ts'
export { type MigrateOptions, migrate, type PostgresPool, type SqliteHandle } from '../drizzle/host.ts'
export type { InvalidField, Problem, ProblemCode } from '../plugins/errors.ts'
export type { ActionContext, Hooks, LoginFailure, User } from '../plugins/hooks.ts'
export type {
  Auth,
  Authenticate,
  Credentials,
  Exposition,
  Login,
  NewAccount,
  Postern,
} from '../plugins/postern.ts'
export { Introspection as IntrospectionSchema } from '../routes/introspect.ts'
export { Jwks as JwksSchema } from '../routes/jwks.ts'
export { AccessToken as AccessTokenSchema, LoginBody as LoginBodySchema } from '../routes/login.ts'
export { LoggedOut as LoggedOutSchema } from '../routes/logout.ts'
export { Metadata as MetadataSchema } from '../routes/metadata.ts'
export { RegisterBody as RegisterBodySchema } from '../routes/register.ts'
export { TokenForm as TokenFormSchema } from '../routes/revoke.ts'
export { Problem as ProblemSchema, User as UserSchema } from '../routes/schemas.ts'
export type { PosternOptions } from './host-options.ts'
export { InvalidOptionsError, type Options, OptionsSchema } from './options.ts'

/**
 * Postern for your own Fastify app: `await app.register(postern, options)`. It adds its endpoints under `prefix`, and to the app
 * `authenticate`, an `onRequest` hook that guards your own routes, and `postern`, an interface for your code. Everything else
 * stays in a scope of its own.
 *
 * @throws InvalidOptionsError at registration, naming every option that is wrong
 */
const postern: FastifyPluginAsync<PosternOptions> = fp(register, { name: 'postern', fastify: '5.x' })

export default postern

async function register(app: FastifyInstance, given: PosternOptions): Promise<void> {
  const parsed = parseHostOptions(given)
  assertRoom(app)
  await app.register(requestAuth)
  await app.register(async (scope) => {
    await build(scope, parsed)
    app.decorate('authenticate', scope.authenticate)
    app.decorate('postern', scope.postern)
  }, parsed.registration)
}

/** What a host would have to read Fastify's source for, were it left to Fastify to say. */
function assertRoom(app: FastifyInstance): void {
  const remedy = 'Register Postern in a child: app.register(async (child) => …).'
  if (Object.hasOwn(app, 'postern')) throw new Error(`Postern is registered here already. ${remedy}`)
  if (Object.hasOwn(app, 'authenticate')) throw new Error(`app.authenticate is taken already. ${remedy}`)
}

/** Everything, in the order in which it is needed. */
async function build(scope: FastifyInstance, parsed: ParsedHostOptions): Promise<void> {
  const { source, secretKey, hooks: given, options, isMeasured } = parsed
  const { algorithm, issuer, audience, keyRotationDays: rotationDays } = options
  const { bcryptCost, passwordMinLength } = options
  const tokenLifetime = options.accessTokenExpireMinutes * 60

  await scope.register(errorHandler)
  await scope.register(validation)
  await scope.register(counters)
  if (isMeasured) await scope.register(requestCounts)
  await scope.register(database, { source, server: serverSettings(options), isTimed: isMeasured })
  await scope.register(audit)
  await scope.register(pruning, { auditRetentionDays: options.auditRetentionDays })
  await scope.register(hookRunner, given)
  await scope.register(signingKeys, { secretKey, algorithm, issuer, audience, tokenLifetime })
  await scope.register(keyRotation, { rotationDays })
  await scope.register(tokens, { issuer, audience, tokenLifetime })
  await scope.register(clientAddress)
  await scope.register(passwords, { bcryptCost, passwordMinLength })
  await scope.register(metrics, { isEnabled: isMeasured })
  await scope.register(rateLimits, { secretKey })
  await scope.register(throttling, options)
  await scope.register(accounts)
  await scope.register(administration)
  await scope.register(authenticate)
  await scope.register(clients)
  await scope.register(service)
  await scope.register(routes, { issuer })
}
