import { Ajv, type ErrorObject } from 'ajv'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { isEmailAddress } from './accounts/email.ts'
import type { InvalidField } from './problem/codes.ts'

/** Text that every database can store: no NUL character, no lone surrogate. */
export const STORABLE_TEXT = '^[^\\u0000\\ud800-\\udfff]*$'

/**
 * Validates requests in its scope, whatever a host's own validator does: nothing is dropped, filled in or converted, and
 * all mistakes are reported at once.
 */
async function validation(app: FastifyInstance): Promise<void> {
  const ajv = new Ajv({
    allErrors: true,
    removeAdditional: false,
    useDefaults: false,
    coerceTypes: false,
    // The schemas are our own, and the tests have them linted: checking them would cost every start.
    validateSchema: false,
  })
  ajv.addFormat('email', isEmailAddress)
  ajv.addFormat('password', true)
  app.setValidatorCompiler(({ schema }) => ajv.compile(schema))
  app.setSchemaErrorFormatter((errors) =>
    app.problem('invalid_request', { errors: (errors as ErrorObject[]).map(describe) }),
  )
}

export default fp(validation, { name: 'postern-validation', dependencies: ['postern-errors'] })

function describe({ instancePath, keyword, params, message }: ErrorObject): InvalidField {
  switch (keyword) {
    case 'required':
      return { path: pointer(instancePath, params['missingProperty']), message: 'is required' }
    case 'additionalProperties':
      return { path: pointer(instancePath, params['additionalProperty']), message: 'is not known here' }
    case 'format':
      return { path: instancePath, message: 'must be an e-mail address' }
    case 'pattern':
      return { path: instancePath, message: 'must be well-formed text without NUL characters' }
    default:
      return { path: instancePath, message: message ?? 'is not valid' }
  }
}

/** A JSON Pointer (RFC 6901) to a property. */
function pointer(parent: string, property: string): string {
  return `${parent}/${property.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
