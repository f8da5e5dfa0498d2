import type { FastifyInstance } from 'fastify'
import getUser from './getUser.ts'
import login from './login.ts'
import logout from './logout.ts'
import { answerOtherMethods } from './method-not-allowed.ts'
import register from './register.ts'
import { sharedSchemas } from './schemas.ts'

/** All of Postern's endpoints. Which are protected is a matter of the scope they stand in, never of their URL. */
export default async function routes(app: FastifyInstance): Promise<void> {
  for (const schema of sharedSchemas) app.addSchema(schema)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, jsonParser(app))
  // Whatever depends on a credential is nobody else's to keep.
  app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))

  const finish = answerOtherMethods(app)
  await app.register(publicScope)
  await app.register(issuedScope)
  await app.register(guardedScope)
  finish()
}

async function publicScope(scope: FastifyInstance): Promise<void> {
  await scope.register(register)
  await scope.register(login)
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
