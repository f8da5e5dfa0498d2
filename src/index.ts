import './runtime/assert-node-version.js'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import accounts from '../plugins/accounts/index.ts'
import audit from '../plugins/audit/index.ts'
import authenticate from '../plugins/authenticate/index.ts'
import requestAuth from '../plugins/authenticate/request.ts'
import clientAddress from '../plugins/client-address/index.ts'
import clients from '../plugins/clients.ts'
import database from '../plugins/database/index.ts'
import hooks from '../plugins/hooks/index.ts'
import json from '../plugins/json.ts'
import metrics from '../plugins/metrics/index.ts'
import passwords from '../plugins/passwords/index.ts'
import type { Settings } from '../plugins/postern.ts'
import problem from '../plugins/problem/index.ts'
import sameOrigin from '../plugins/same-origin.ts'
import service from '../plugins/service.ts'
import signingKeys from '../plugins/signing-keys/index.ts'
import throttling from '../plugins/throttling/index.ts'
import tokens from '../plugins/tokens/index.ts'
import validation from '../plugins/validation.ts'
import routes from '../routes/index.ts'
import { sharedSchemas } from '../routes/schemas.ts'
import { type PosternOptions, parseOptions } from './settings/plugin-options.ts'

export { NewerDatabaseError } from '../drizzle/errors.ts'
export type { MigrateOptions, PostgresPool, SqliteHandle } from '../drizzle/host-database.ts'
export type {
  ActionContext,
  Auth,
  Authenticate,
  Credentials,
  Exposition,
  Login,
  LoginFailure,
  NewAccount,
  Options,
  Postern,
  User,
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
export { migrate } from './migrate.ts'
export { OptionsSchema } from './settings/options.ts'
export { InvalidOptionsError } from './settings/parse.ts'
export type { Hooks, PosternOptions } from './settings/plugin-options.ts'

/**
 * Postern for your own Fastify app: `await app.register(postern, options)`. It adds its endpoints under `prefix`, and
 * two decorators: `authenticate`, an `onRequest` hook that guards your own routes, and `postern`, an interface for your
 * code. Everything else stays in a scope of its own.
 *
 * @throws InvalidOptionsError at registration, naming every option that is wrong
 */
const postern: FastifyPluginAsync<PosternOptions> = fp(register, { name: 'postern', fastify: '5.x' })

export default postern

async function register(app: FastifyInstance, given: PosternOptions): Promise<void> {
  const { settings, registration } = parseOptions(given)
  assertRoom(app)
  await app.register(requestAuth)
  await app.register(async (scope) => {
    await build(scope, settings)
    app.decorate('authenticate', scope.authenticate)
    app.decorate('postern', scope.postern)
  }, registration)
}

/** Fastify's own errors for this would not say what to do. */
function assertRoom(app: FastifyInstance): void {
  const remedy = 'Register Postern in a child: app.register(async (child) => …).'
  if (Object.hasOwn(app, 'postern')) throw new Error(`Postern is registered here already. ${remedy}`)
  if (Object.hasOwn(app, 'authenticate')) throw new Error(`app.authenticate is taken already. ${remedy}`)
}

/** Everything, in the order in which it is needed. */
async function build(scope: FastifyInstance, settings: Settings): Promise<void> {
  await scope.register(problem)
  await scope.register(validation)
  await scope.register(json, { schemas: sharedSchemas })
  if (!scope.hasPlugin('postern-metrics')) await scope.register(metrics, settings)
  await scope.register(database, settings)
  await scope.register(audit)
  await scope.register(hooks, settings)
  await scope.register(signingKeys, settings)
  await scope.register(tokens, settings)
  await scope.register(clientAddress)
  await scope.register(sameOrigin, settings)
  await scope.register(passwords, settings)
  await scope.register(throttling, settings)
  await scope.register(accounts)
  await scope.register(authenticate)
  await scope.register(clients)
  await scope.register(service)
  await scope.register(routes, settings)
}
