import { Ajv, type ErrorObject } from 'ajv'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { isEmailAddress } from './accounts/email.ts'
import type { InvalidField } from './problem/codes.ts'

/** Text that every database can store: without NUL characters and lone surrogates. */
export const STORABLE_TEXT = '^[^\\u0000\\ud800-\\udfff]*$'

/** The most faults that a response lists, so that it is never much longer than its request. */
const MAX_ERRORS = 20
/** The most characters of an unknown field's name that a response repeats. */
const MAX_NAME_LENGTH = 100

/**
 * Validates requests in its scope, independently of a host app's validator: nothing is dropped, defaulted or converted,
 * and the faults are reported
 * together.
 */
async function validation(app: FastifyInstance): Promise<void> {
  const ajv = new Ajv({
    allErrors: true,
    removeAdditional: false,
    useDefaults: false,
    coerceTypes: false,
    // The schemas are our own and linted by the tests. Checking them would slow down every start.
    validateSchema: false,
  })
  ajv.addFormat('email', isEmailAddress)
  ajv.addFormat('password', true)
  app.setValidatorCompiler(({ schema }) => ajv.compile(schema))
  app.setSchemaErrorFormatter((errors) =>
    app.problem('invalid_request', { errors: (errors as ErrorObject[]).slice(0, MAX_ERRORS).map(describe) }),
  )
}

export default fp(validation, { name: 'postern-validation', dependencies: ['postern-problem'] })

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

/** A JSON Pointer (RFC 6901) to a property. Of a long name it has the beginning. */
function pointer(parent: string, property: string): string {
  const name = property.slice(0, MAX_NAME_LENGTH).toWellFormed()
  return `${parent}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
