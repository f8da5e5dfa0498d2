import fastJsonStringify, { type Schema } from 'fast-json-stringify'
import type { FastifyInstance } from 'fastify'
import type { Problem } from '../plugins/problem/codes.ts'
import introspect from './clients/introspect.ts'
import revoke from './clients/revoke.ts'
import verify from './gateway/verify.ts'
import getUser from './guarded/getUser.ts'
import { describeInHost } from './host-document.ts'
import logout from './issued/logout.ts'
import { answerOtherMethods } from './method-not-allowed.ts'
import jwks from './public/jwks.ts'
import login from './public/login.ts'
import metadata from './public/metadata.ts'
import register from './public/register.ts'
import { sharedSchemas } from './schemas.ts'

/** Bytes. */
const BODY_LIMIT = 16 * 1024

interface RoutesOptions {
  /** The setting ISSUER. */
  issuer: string
}

/** All of Postern's endpoints. Which are protected is a matter of the scope they stand in, never of their URL. */
export default async function routes(app: FastifyInstance, options: RoutesOptions): Promise<void> {
  const { ownOpenapi } = app
  if (ownOpenapi) for (const schema of sharedSchemas) app.addSchema(schema)
  // Not a host's own: nothing goes out that our schemas do not name.
  const schemas: Record<string, object> = Object.fromEntries(
    sharedSchemas.map((schema) => [schema.$id ?? '', schema]),
  )
  app.setSerializerCompiler(({ schema }) =>
    fastJsonStringify(schema as Schema, { schema: schemas as Record<string, Schema> }),
  )
  // Fastify's types know no way to take a serializer back.
  app.setReplySerializer(null as never)
  const swaggerTransform = describeInHost(app.prefix)
  app.addHook('onRoute', (route) => {
    // A host may take uploads, but nothing here is large.
    route.bodyLimit = BODY_LIMIT
    if (!ownOpenapi) route.config = { ...route.config, swaggerTransform }
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, jsonParser(app))
  // Whatever depends on a credential is nobody else's to keep.
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store')
    done()
  })

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
  scope.setErrorHandler(speakOAuth)
  await scope.register(introspect)
  await scope.register(revoke)
}

/** An OAuth client reads an error only as JSON plainly so called, and looks for its code (RFC 6749 section 5.2). */
function speakOAuth(error: Partial<Problem>): never {
  const { code } = error
  if (code === 'invalid_request' || code === 'invalid_client') {
    const headers = { ...error.headers, 'content-type': 'application/json; charset=utf-8' }
    throw Object.assign(error, { error: code, headers })
  }
  throw error
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
