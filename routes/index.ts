import type { FastifyInstance } from 'fastify'
import type { Postern, Settings } from '../plugins/postern.ts'
import introspect from './clients/introspect.ts'
import revoke from './clients/revoke.ts'
import defaults from './defaults.ts'
import verify from './gateway/verify.ts'
import getUser from './guarded/getUser.ts'
import { sendNoIdentity } from './identity.ts'
import logout from './issued/logout.ts'
import { answerOtherMethods } from './method-not-allowed.ts'
import { respondAsOauth } from './oauth-errors.ts'
import { warnOfOpenRegistration } from './open-registration.ts'
import healthz from './process/healthz.ts'
import metrics from './process/metrics.ts'
import openapiJson from './process/openapi.json.ts'
import readyz from './process/readyz.ts'
import jwks from './public/jwks.ts'
import login from './public/login.ts'
import metadata from './public/metadata.ts'
import register from './public/register.ts'

type RoutesSettings = Pick<Settings, 'issuer' | 'registration'>

/** Postern's endpoints. The scope that an endpoint is registered in is its guard; its URL does not matter. */
export default async function routes(app: FastifyInstance, settings: RoutesSettings): Promise<void> {
  await app.register(defaults)
  const finish = answerOtherMethods(app)
  await app.register(publicRoutes, settings)
  await app.register(issuedRoutes)
  await app.register(guardedRoutes)
  await app.register(gatewayRoutes, settings)
  await app.register(clientRoutes)
  finish()
}

/** For everyone. */
async function publicRoutes(scope: FastifyInstance, settings: RoutesSettings): Promise<void> {
  await scope.register(register, settings)
  await scope.register(login)
  await scope.register(jwks)
  await scope.register(metadata, settings)
}

/** For unexpired tokens issued here, whether or not they have been revoked. */
async function issuedRoutes(scope: FastifyInstance): Promise<void> {
  scope.addHook('onRequest', scope.authenticateIssued)
  await scope.register(logout)
}

/** For valid tokens. */
async function guardedRoutes(scope: FastifyInstance): Promise<void> {
  scope.addHook('onRequest', scope.authenticate)
  await scope.register(getUser)
}

/** For valid tokens that a gateway asks about. */
async function gatewayRoutes(scope: FastifyInstance, { registration }: RoutesSettings): Promise<void> {
  if (registration === 'open') warnOfOpenRegistration(scope)
  scope.addHook('onRequest', sendNoIdentity)
  scope.addHook('onRequest', scope.authenticateForGateway)
  await scope.register(verify)
}

/** For machines with client credentials. */
async function clientRoutes(scope: FastifyInstance): Promise<void> {
  scope.addHook('onRequest', scope.sameOrigin)
  scope.addHook('onRequest', scope.clients.authenticate)
  scope.removeContentTypeParser('application/json')
  scope.setErrorHandler(respondAsOauth)
  await scope.register(introspect)
  await scope.register(revoke)
}

/** For the operator of a server: what concerns the process rather than its users. */
export async function processRoutes(app: FastifyInstance): Promise<void> {
  const finish = answerOtherMethods(app)
  await app.register(healthz)
  await app.register(readyz)
  await app.register(openapiJson)
  finish()
}

/** For the operator too, on a port of its own. */
export async function metricsRoutes(
  app: FastifyInstance,
  options: { expose: Postern['metrics'] },
): Promise<void> {
  const finish = answerOtherMethods(app)
  await app.register(metrics, options)
  finish()
}
