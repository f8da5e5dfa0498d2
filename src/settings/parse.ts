import type { Static, TObject } from '@sinclair/typebox'
import { Ajv, type ErrorObject } from 'ajv'

/** Some options are wrong. The message has a line for each. */
export class InvalidOptionsError extends Error {
  override readonly name = 'InvalidOptionsError'
}

/** Checks that a schema refers to by its `format`. */
export type Formats = Record<string, (value: string) => boolean>

/**
 * Checks options against their schema, all at once, and adds the defaults. The schema's description of an option
 * completes the message "… must be".
 *
 * @param nameOf the name of an option where it comes from
 * @throws InvalidOptionsError. It repeats no value, which may be a secret.
 */
export function parse<S extends TObject>(
  schema: S,
  values: Record<string, unknown>,
  formats: Formats,
  nameOf = (option: string) => option,
): Static<S> {
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    // The schemas are our own. Compiling the check of a schema would take longer than everything else here.
    validateSchema: false,
    formats,
  })
  const options = { ...values }
  const validate = ajv.compile(schema)
  if (validate(options)) return options as Static<S>
  const faults = (validate.errors ?? []).map((error) => describe(error, schema, nameOf))
  throw new InvalidOptionsError([...new Set(faults)].join('\n'))
}

function describe(error: ErrorObject, schema: TObject, nameOf: (option: string) => string): string {
  if (error.keyword === 'additionalProperties') {
    return `${nameOf(error.params['additionalProperty'])} is not a setting`
  }
  const option = error.instancePath.split('/')[1] ?? ''
  return `${nameOf(option)} must be ${schema.properties[option]?.description ?? 'something else'}`
}

/** Whether a function returns instead of throwing. */
export function succeeds(action: () => unknown): boolean {
  try {
    action()
    return true
  } catch {
    return false
  }
}
