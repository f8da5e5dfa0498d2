import type { Problem } from '../plugins/problem/codes.ts'

/** Rethrows errors as OAuth clients expect them: plain JSON with the code in `error` (RFC 6749 section 5.2). */
export function respondAsOauth(error: Partial<Problem>): never {
  const { code } = error
  if (code === 'invalid_request' || code === 'invalid_client') {
    const headers = { ...error.headers, 'content-type': 'application/json; charset=utf-8' }
    throw Object.assign(error, { error: code, headers })
  }
  throw error
}
