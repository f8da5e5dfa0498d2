import type { TObject } from '@sinclair/typebox'
import fastJsonStringify, { type Schema } from 'fast-json-stringify'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

interface JsonOptions {
  /** The schemas that others refer to by their `$id`. */
  schemas: readonly TObject[]
}

/** Reads and writes JSON in its scope, independently of a host app's parsers and serializers. */
async function json(app: FastifyInstance, { schemas }: JsonOptions): Promise<void> {
  const byId: Record<string, object> = Object.fromEntries(schemas.map((shared) => [shared.$id ?? '', shared]))
  const schema = byId as Record<string, Schema>
  // A response contains only what its schema names.
  app.setSerializerCompiler((route) => fastJsonStringify(route.schema as Schema, { schema }))
  // Removes a host app's serializer, for which Fastify has no type.
  app.setReplySerializer(null as never)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, jsonParser(app))
}

export default fp(json, { name: 'postern-json', dependencies: ['postern-problem'] })

/** Parses JSON in UTF-8 (RFC 8259 section 8.1). Decoding anything else would make different passwords equal. */
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

/** Prevents prototype poisoning. */
function refusePrototypes(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('__proto__ is not allowed')
  return value
}
