import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import accounts from '../plugins/accounts.ts'
import authenticate from '../plugins/authenticate.ts'
import clients from '../plugins/clients.ts'
import database from '../plugins/database.ts'
import errors from '../plugins/errors.ts'
import keyRotation from '../plugins/key-rotation.ts'
import passwords from '../plugins/passwords.ts'
import service from '../plugins/postern.ts'
import pruning from '../plugins/pruning.ts'
import requestAuth from '../plugins/request-auth.ts'
import signingKeys from '../plugins/signing-keys.ts'
import tokens from '../plugins/tokens.ts'
import validation from '../plugins/validation.ts'
import routes from '../routes/index.ts'
import { type Options, OptionsSchema, parse } from './options.ts'
import { keptSecretKey } from './secret-key.ts'

export type { Postern } from '../plugins/postern.ts'
export { InvalidOptionsError, type Options } from './options.ts'

/** What a host hands over: any of the settings, and where the endpoints are to be. */
export type PosternOptions = Partial<Options> & {
  /** Stands before the path of every endpoint. */
  prefix?: string
}

/**
 * Postern as a Fastify plugin. It adds its endpoints under `prefix`, and to the app `authenticate`, an `onRequest` hook that
 * guards the host's own routes. Everything else stays in a scope of its own.
 *
 * @throws InvalidOptionsError at registration, naming every option that is wrong
 */
const postern: FastifyPluginAsync<PosternOptions> = async (app, { prefix, ...values }) => {
  const options = parse(OptionsSchema, values)
  await app.register(requestAuth)
  await app.register(
    async (scope) => {
      await build(scope, options)
      app.decorate('authenticate', scope.authenticate)
      app.decorate('postern', scope.postern)
    },
    prefix === undefined ? {} : { prefix },
  )
}

async function build(scope: FastifyInstance, options: Options): Promise<void> {
  const { databaseUrl, algorithm, issuer, audience, bcryptCost, passwordMinLength } = options
  const secretKey = options.secretKey ?? keptSecretKey(databaseUrl)
  const tokenLifetime = options.accessTokenExpireMinutes * 60

  await scope.register(errors)
  await scope.register(validation)
  await scope.register(database, { url: databaseUrl })
  await scope.register(pruning)
  await scope.register(signingKeys, { secretKey, algorithm, issuer, audience, tokenLifetime })
  await scope.register(keyRotation, { rotationDays: options.keyRotationDays })
  await scope.register(tokens, { issuer, audience, tokenLifetime })
  await scope.register(passwords, { bcryptCost, passwordMinLength })
  await scope.register(accounts)
  await scope.register(authenticate)
  await scope.register(clients)
  await scope.register(service)
  await scope.register(routes, { issuer })
}

export default fp(postern, { name: 'postern', fastify: '5.x' })
