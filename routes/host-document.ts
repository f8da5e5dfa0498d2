import type { SwaggerTransform } from '@fastify/swagger'
import { describeBodies, securitySchemes } from '../plugins/openapi/security.ts'
import { sharedSchemas } from './schemas.ts'

/** The schemas behind each `$ref`, without their names: in a host app's document all names are the host app's. */
const byReference = new Map(sharedSchemas.map(({ $id, ...schema }) => [`${$id}#`, schema]))

/**
 * Describes Postern's endpoints in the document of a host app that has registered @fastify/swagger, and declares their
 * guards there.
 *
 * @param prefix of the endpoints; part of the guards' names, since a host app may register Postern several times
 */
export function describeInHost(prefix: string): SwaggerTransform {
  const nameOf = (guard: string) => ['postern', ...prefix.split(/\W+/), guard].filter(Boolean).join('-')
  const guards = renameKeys(securitySchemes(prefix), nameOf)

  return ({ schema, url, route, ...document }) => {
    const { security = [], ...described } = inline(describeBodies(schema, route))
    // Swagger 2 describes guards in another form.
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

/** The JSON Schema of OpenAPI 3.0 lacks two keywords that Postern's schemas use. */
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

/** A schema with every reference replaced by the schema that it refers to. */
function inline<S extends object>(schema: S): S {
  return JSON.parse(JSON.stringify(schema), (_key, value) => {
    const referenced = byReference.get(value?.$ref)
    if (!referenced) return value
    const { $ref: _, ...beside } = value
    return { ...referenced, ...beside }
  })
}
