import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'

/** The parameters of a form that a route knows, as far as they came. */
export type FormParameters<Name extends string> = { [name in Name]?: string }

/**
 * Lets a scope read bodies of the form media type as OAuth 2 has them: parameters that are not known are ignored, those
 * without a value count as absent, and none may come twice (RFC 6749 section 3.2).
 *
 * @param names of the parameters that are known
 * @param toBody makes the body that the route's schema describes; without it the parameters are the body
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

/** What is wrong with a parameter, also in the words of RFC 6749 section 5.2. */
export function invalid(
  app: FastifyInstance,
  path: string,
  message: string,
  error = 'invalid_request',
): Error {
  return app.problem('invalid_request', { error, errors: [{ path, message }] })
}

/** URLSearchParams replaces what is not UTF-8, so that different passwords would become the same. */
function isPercentEncodedUtf8(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
