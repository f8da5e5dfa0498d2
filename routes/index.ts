import fastJsonStringify, { type Schema } from 'fast-json-stringify'
import type { FastifyInstance } from 'fastify'
import getUser from './getUser.ts'
import introspect from './introspect.ts'
import jwks from './jwks.ts'
import login from './login.ts'
import logout from './logout.ts'
import metadata from './metadata.ts'
import { answerOtherMethods } from './method-not-allowed.ts'
import register from './register.ts'
import revoke from './revoke.ts'
import { sharedSchemas } from './schemas.ts'
import verify from './verify.ts'

interface RoutesOptions {
  /** The setting ISSUER. */
  issuer: string
}

/** All of Postern's endpoints. Which are protected is a matter of the scope they stand in, never of their URL. */
export default async function routes(app: FastifyInstance, options: RoutesOptions): Promise<void> {
  for (const schema of sharedSchemas) app.addSchema(schema)
  // Not a host's own: nothing goes out that our schemas do not name.
  const schemas: Record<string, object> = Object.fromEntries(
    sharedSchemas.map((schema) => [schema.$id ?? '', schema]),
  )
  app.setSerializerCompiler(({ schema }) =>
    fastJsonStringify(schema as Schema, { schema: schemas as Record<string, Schema> }),
  )
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, jsonParser(app))
  // Whatever depends on a credential is nobody else's to keep.
  app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))

  const finish = answerOtherMethods(app)
  await app.register(publicScope, options)
  await app.register(issuedScope)
  await app.register(guardedScope)
  await app.register(clientScope)
  await app.register(verify)
  finish()
}

async function publicScope(scope: FastifyInstance, { issuer }: RoutesOptions): Promise<void> {
  await scope.register(register)
  await scope.register(login)
  await scope.register(jwks)
  await scope.register(metadata, { issuer })
}

/** For tokens of ours, whether or not they still count. */
async function issuedScope(scope: FastifyInstance): Promise<void> {
  scope.addHook('onRequest', scope.authenticateIssued)
  await scope.register(logout)
}

async function guardedScope(scope: FastifyInstance): Promise<void> {
  scope.addHook('onRequest', scope.authenticate)
  await scope.register(getUser)
}

/** For machines with credentials of their own. */
async function clientScope(scope: FastifyInstance): Promise<void> {
  scope.addHook('onRequest', scope.authenticateClient)
  scope.removeContentTypeParser('application/json')
  await scope.register(introspect)
  await scope.register(revoke)
}

/** JSON that is UTF-8 (RFC 8259 section 8.1): decoding anything else would make different passwords the same. */
function jsonParser(app: FastifyInstance) {
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  return async (_request: unknown, body: Buffer): Promise<unknown> => {
    try {
      return JSON.parse(utf8.decode(body), refusePrototypes)
    } catch {
      throw app.problem('invalid_request', { detail: 'The body is not valid JSON in UTF-8' })
    }
  }
}

/** A body has no business with an object's prototype. */
function refusePrototypes(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('__proto__ is not allowed')
  return value
}
