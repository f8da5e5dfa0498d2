import './runtime/assert-node-version.js'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import accounts from '../plugins/accounts/index.ts'
import administration from '../plugins/administration.ts'
import audit from '../plugins/audit/index.ts'
import authenticate from '../plugins/authenticate/index.ts'
import requestAuth from '../plugins/authenticate/request.ts'
import clientAddress from '../plugins/client-address/index.ts'
import clients from '../plugins/clients.ts'
import database from '../plugins/database/index.ts'
import pruning from '../plugins/database/pruning.ts'
import hookRunner from '../plugins/hooks/index.ts'
import counters from '../plugins/metrics/counters.ts'
import metrics from '../plugins/metrics/index.ts'
import requestCounts from '../plugins/metrics/requests.ts'
import passwords from '../plugins/passwords/index.ts'
import service from '../plugins/postern.ts'
import errorHandler from '../plugins/problem/index.ts'
import signingKeys from '../plugins/signing-keys/index.ts'
import keyRotation from '../plugins/signing-keys/rotation.ts'
import throttling from '../plugins/throttling/index.ts'
import rateLimits from '../plugins/throttling/limits.ts'
import tokens from '../plugins/tokens/index.ts'
import validation from '../plugins/validation.ts'
import routes from '../routes/index.ts'
import { serverSettings } from './settings/options.ts'
import { type ParsedHostOptions, type PosternOptions, parseHostOptions } from './settings/plugin-options.ts'

export { NewerDatabaseError } from '../drizzle/errors.ts'
export {
  type MigrateOptions,
  migrate,
  type PostgresPool,
  type SqliteHandle,
} from '../drizzle/host-database.ts'
export type { ActionContext, Hooks, LoginFailure, User } from '../plugins/hooks/events.ts'
export type {
  Auth,
  Authenticate,
  Credentials,
  Exposition,
  Login,
  NewAccount,
  Postern,
} from '../plugins/postern.ts'
export type { InvalidField, Problem, ProblemCode } from '../plugins/problem/codes.ts'
export { Introspection as IntrospectionSchema } from '../routes/clients/introspect.ts'
export { TokenForm as TokenFormSchema } from '../routes/clients/revoke.ts'
export { LoggedOut as LoggedOutSchema } from '../routes/issued/logout.ts'
export { Jwks as JwksSchema } from '../routes/public/jwks.ts'
export { AccessToken as AccessTokenSchema, LoginBody as LoginBodySchema } from '../routes/public/login.ts'
export { Metadata as MetadataSchema } from '../routes/public/metadata.ts'
export { RegisterBody as RegisterBodySchema } from '../routes/public/register.ts'
export { Problem as ProblemSchema, User as UserSchema } from '../routes/schemas.ts'
export { InvalidOptionsError, type Options, OptionsSchema } from './settings/options.ts'
export type { PosternOptions } from './settings/plugin-options.ts'

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
