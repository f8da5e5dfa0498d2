/** The scheme in its usual spelling. */
const SCHEME = 'Bearer '

/** `Bearer`, a space, and a token (RFC 6750 section 2.1). */
const CREDENTIALS = /^bearer +([\w.~+/-]+=*)$/i

/** Why an `Authorization` header has no bearer token in it. */
export type BearerFault = 'no_token' | 'malformed'

/**
 * What follows the scheme in its usual spelling, not checked any further: enough to look up a token that was verified
 * before, and cheaper than the whole grammar.
 */
export function peekBearer(authorization: string | undefined): string | undefined {
  return authorization?.startsWith(SCHEME) ? authorization.slice(SCHEME.length) : undefined
}

/** The bearer token in an `Authorization` header (RFC 6750 section 2.1). */
export function parseBearer(authorization: string | undefined): { token: string } | { fault: BearerFault } {
  if (authorization === undefined) return { fault: 'no_token' }
  const token = CREDENTIALS.exec(authorization)?.[1]
  if (token !== undefined) return { token }
  return { fault: /^bearer\b/i.test(authorization) ? 'malformed' : 'no_token' }
}
