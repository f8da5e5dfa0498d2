import type { FastifyReply } from 'fastify'

/** Every error of Postern: its stable code, its HTTP status and its title (RFC 9457 section 3.1). */
export const problems = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  authentication_required: { status: 401, title: 'A bearer token is required' },
  invalid_token: { status: 401, title: 'The access token is not valid' },
  invalid_credentials: { status: 401, title: 'The e-mail or the password is wrong' },
  invalid_client: { status: 401, title: 'The client credentials are wrong or missing' },
  account_disabled: { status: 403, title: 'The user is disabled' },
  registration_closed: { status: 403, title: 'Registration is closed' },
  cross_site_request: { status: 403, title: 'A page of another site sent this form' },
  refused: { status: 403, title: 'The request was refused' },
  not_found: { status: 404, title: 'There is nothing at this path' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  email_taken: { status: 409, title: 'A user has this e-mail already' },
  content_too_large: { status: 413, title: 'The body is too large' },
  uri_too_long: { status: 414, title: 'The URL is too long' },
  unsupported_media_type: { status: 415, title: 'The media type is not supported' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  header_fields_too_large: { status: 431, title: 'The header fields are too large' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  database_unavailable: { status: 503, title: 'The database cannot answer at present' },
  overloaded: { status: 503, title: 'The service is overloaded' },
  service_unavailable: { status: 503, title: 'The service cannot answer at present' },
} as const satisfies Record<string, { status: number; title: string }>

/** A stable name for what went wrong. Clients branch on it, so that the wording may change. */
export type ProblemCode = keyof typeof problems

/** A fault in a request: a JSON Pointer (RFC 6901) to it, and what is expected there. */
export interface InvalidField {
  path: string
  message: string
}

/** Why a token is refused: for the operator, never for the client. */
export const REFUSALS = [
  'no_token',
  'malformed',
  'invalid',
  'unknown_key',
  'expired',
  'revoked',
  'superseded',
  'key_retired',
  'account_disabled',
  'account_deleted',
  'unavailable',
] as const

export type Refusal = (typeof REFUSALS)[number]

/** What an error adds to its code. */
export interface ProblemOptions {
  /** About this occurrence, for a person. Never a secret. */
  detail?: string | undefined
  /** The error code of RFC 6749 section 5.2, for OAuth clients. */
  error?: string
  errors?: InvalidField[]
  headers?: Record<string, string>
  /** The error behind it, for the log. */
  cause?: unknown
  /** Why the token is refused, if it is one. */
  refusal?: Refusal
}

/** An error with its response. A host app's error handler finds the usual `statusCode`, `code` and `headers` on it. */
export interface Problem extends Error {
  statusCode: number
  code: ProblemCode
  error?: string
  errors?: InvalidField[]
  headers: Record<string, string>
  refusal?: Refusal
}

/** The body of a problem's response (RFC 9457). */
export function problemBody(
  code: ProblemCode,
  more: Pick<ProblemOptions, 'detail' | 'error' | 'errors'> = {},
) {
  const { status, title } = problems[code]
  const { detail, error, errors } = more
  return {
    type: 'about:blank',
    title,
    status,
    ...(detail && { detail }),
    code,
    ...(error && { error }),
    ...(errors && { errors }),
  }
}

/** Answers a request that no route handles. */
export function answerProblem(reply: FastifyReply, code: ProblemCode): FastifyReply {
  const { status } = problems[code]
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(code)))
}
