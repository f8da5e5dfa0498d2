import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'

/** The parameters of a form that a route knows, as far as they are given. */
export type FormParameters<Name extends string> = { [name in Name]?: string }

/**
 * Lets a scope parse forms as OAuth 2 does: unknown parameters are ignored, empty ones are treated as absent, and none
 * may be given twice (RFC 6749 section 3.2).
 *
 * @param names the known parameters
 * @param toBody turns the parameters into the body of the route's schema; without it they are the body
 */
export function acceptForm<Name extends string>(
  app: FastifyInstance,
  names: readonly Name[],
  toBody: (parameters: FormParameters<Name>) => object = (parameters) => parameters,
): void {
  app.addContentTypeParser<Buffer>(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => {
      const text = body.toString()
      if (!isUtf8(body) || !isPercentEncodedUtf8(text)) {
        throw invalid(app, '', 'must be percent-encoded UTF-8')
      }
      const given = new URLSearchParams(text)
      const parameters: FormParameters<Name> = {}
      for (const name of names) {
        const [value, ...others] = given.getAll(name)
        if (others.length > 0) throw invalid(app, `/${name}`, 'must not come twice')
        if (value) parameters[name] = value
      }
      return toBody(parameters)
    },
  )
}

/** The problem of an invalid parameter, with the error code of RFC 6749 section 5.2. */
export function invalid(
  app: FastifyInstance,
  path: string,
  message: string,
  error = 'invalid_request',
): Error {
  return app.problem('invalid_request', { error, errors: [{ path, message }] })
}

/** URLSearchParams would replace invalid UTF-8, and so make different passwords equal. */
function isPercentEncodedUtf8(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
