import type { SwaggerTransform } from '@fastify/swagger'
import { describeBodies, securitySchemes } from '../plugins/openapi/security.ts'
import { sharedSchemas } from './schemas.ts'

/** What `$ref` stands for, without a name: in a host's document all names are the host's. */
const byReference = new Map(sharedSchemas.map(({ $id, ...schema }) => [`${$id}#`, schema]))

/**
 * Describes Postern's endpoints in the document of a host that has registered @fastify/swagger, and adds their guards, which the
 * host would otherwise have to declare there.
 *
 * @param prefix of the endpoints; it is part of the guards' names, since a host may have several Posterns
 */
export function describeInHost(prefix: string): SwaggerTransform {
  const nameOf = (guard: string) => ['postern', ...prefix.split(/\W+/), guard].filter(Boolean).join('-')
  const guards = renameKeys(securitySchemes(prefix), nameOf)

  return ({ schema, url, route, ...document }) => {
    const { security = [], ...described } = inline(describeBodies(schema, route))
    // Swagger 2 knows these guards by other words.
    if (!('openapiObject' in document)) return { schema: described, url }
    const { components, openapi } = document.openapiObject
    if (openapi?.startsWith('3.0')) toOpenapi30(described)
    document.openapiObject.components = {
      ...components,
      securitySchemes: { ...components?.securitySchemes, ...guards },
    }
    return { schema: { ...described, security: security.map((guard) => renameKeys(guard, nameOf)) }, url }
  }
}

function renameKeys<Value>(
  object: Record<string, Value>,
  nameOf: (key: string) => string,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [nameOf(key), value]))
}

/** OpenAPI 3.0 has a JSON Schema of its own, which lacks two words that Postern's schemas use. */
function toOpenapi30(schema: object): void {
  for (const part of Object.values(schema)) if (part instanceof Object) toOpenapi30(part)
  if ('examples' in schema && Array.isArray(schema.examples)) {
    Object.assign(schema, { example: schema.examples[0] })
    delete schema.examples
  }
  if ('const' in schema) {
    Object.assign(schema, { enum: [schema.const] })
    delete schema.const
  }
}

/** A schema with every reference replaced by what it stands for. */
function inline<S extends object>(schema: S): S {
  return JSON.parse(JSON.stringify(schema), (_key, value) => {
    const meant = byReference.get(value?.$ref)
    if (!meant) return value
    const { $ref: _, ...beside } = value
    return { ...meant, ...beside }
  })
}
