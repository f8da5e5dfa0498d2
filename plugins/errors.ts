import sensible from '@fastify/sensible'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'

/** Every error that Postern answers with: its stable code, its HTTP status and its title (RFC 9457 section 3.1). */
export const problems = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  authentication_required: { status: 401, title: 'A bearer token is required' },
  invalid_token: { status: 401, title: 'The access token is not valid' },
  invalid_credentials: { status: 401, title: 'The e-mail or the password is wrong' },
  invalid_client: { status: 401, title: 'The client credentials are wrong or missing' },
  account_disabled: { status: 403, title: 'The account is disabled' },
  not_found: { status: 404, title: 'There is nothing here' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  email_taken: { status: 409, title: 'The e-mail belongs to an account already' },
  content_too_large: { status: 413, title: 'The body is too large' },
  uri_too_long: { status: 414, title: 'The URL is too long' },
  unsupported_media_type: { status: 415, title: 'The media type is not supported' },
  too_many_requests: { status: 429, title: 'There were too many requests' },
  header_fields_too_large: { status: 431, title: 'The header fields are too large' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  database_unavailable: { status: 503, title: 'The database cannot answer at present' },
  service_unavailable: { status: 503, title: 'The service cannot answer at present' },
} as const satisfies Record<string, { status: number; title: string }>

/** A stable name for what went wrong: clients branch on it, while wording stays free. */
export type ProblemCode = keyof typeof problems

/** Where in a request a mistake is: a JSON Pointer (RFC 6901), and what is expected there. */
export interface InvalidField {
  path: string
  message: string
}

/** What an error adds to its code. */
export interface ProblemOptions {
  /** For a person, about this occurrence; never anything secret. */
  detail?: string | undefined
  /** The code of RFC 6749 section 5.2, where an OAuth client asks. */
  error?: string
  errors?: InvalidField[]
  headers?: Record<string, string>
  /** The error behind it, for the log. */
  cause?: unknown
}

/** An error that knows its answer. A host's own error handler finds the usual `statusCode`, `code` and `headers` on it. */
export interface Problem extends Error {
  statusCode: number
  code: ProblemCode
  error?: string
  errors?: InvalidField[]
  headers: Record<string, string>
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes the error of a code, to be thrown. */
    problem(code: ProblemCode, options?: ProblemOptions): Problem
  }
}

/** Seconds after which a client may try again when the service could not answer. */
const RETRY_AFTER = '5'

/** The code for an error that Fastify or one of its plugins threw with a status. */
const codeByStatus: Partial<Record<number, ProblemCode>> = {
  404: 'not_found',
  408: 'request_timeout',
  413: 'content_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  429: 'too_many_requests',
  431: 'header_fields_too_large',
  503: 'service_unavailable',
}

/** The challenge of a 401 (RFC 6750 section 3, RFC 7617 section 2). */
const challenges: Partial<Record<ProblemCode, (detail?: string) => string>> = {
  authentication_required: () => 'Bearer',
  invalid_credentials: () => 'Bearer',
  invalid_token: (detail) => `Bearer error="invalid_token"${detail ? `, error_description="${detail}"` : ''}`,
  invalid_client: () => 'Basic realm="postern", charset="UTF-8"',
}

/** The body of an answer to a problem (RFC 9457). */
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

/** Answers every error thrown in its scope as problem+json, and says nothing of what went wrong inside. */
async function errors(app: FastifyInstance): Promise<void> {
  await app.register(sensible)

  app.decorate('problem', (code: ProblemCode, options: ProblemOptions = {}): Problem => {
    const { detail, error, errors, headers, cause } = options
    const { status, title } = problems[code]
    const challenge = challenges[code]?.(detail)
    return app.httpErrors.createError(status, detail ?? title, {
      code,
      ...(error && { error }),
      ...(errors && { errors }),
      ...(cause !== undefined && { cause }),
      headers: {
        'cache-control': 'no-store',
        ...(challenge && { 'www-authenticate': challenge }),
        ...(status === 503 && { 'retry-after': RETRY_AFTER }),
        ...headers,
      },
    }) as unknown as Problem
  })

  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    const problem = isProblem(error) ? error : translate(app, error)
    if (problem.statusCode >= 500) {
      // The message of a database driver may carry a query's parameters, so only the names of what failed are kept.
      request.log.error({ err: outline(error) }, 'request failed')
    }
    return sendProblem(reply, problem)
  })
}

export default fp(errors, { name: 'postern-errors' })

/** Answers a request that no route is responsible for. */
export function answerProblem(reply: FastifyReply, code: ProblemCode): FastifyReply {
  const { status } = problems[code]
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(code)))
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { statusCode, code, message, headers } = problem
  const detail = statusCode < 500 && message !== problems[code].title ? message : undefined
  // A string, since a route's response schema is for its own answers.
  return reply
    .code(statusCode)
    .headers(headers)
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(code, { ...problem, detail })))
}

function isProblem(error: Error & { code?: string }): error is Problem {
  return error.code !== undefined && Object.hasOwn(problems, error.code)
}

/** Finds the code for an error that somebody else threw. */
function translate(app: FastifyInstance, error: FastifyError): Problem {
  const status = error.statusCode ?? 500
  const code = codeByStatus[status] ?? (status < 500 ? 'invalid_request' : 'internal_error')
  return app.problem(code, { detail: status < 500 ? error.message : undefined })
}

/** What may be logged of an unexpected error: its types, codes and places, without any message. */
function outline(error: Error & { code?: unknown }): object {
  const { name, code, stack, cause } = error
  return {
    type: name,
    code,
    at: stack?.split('\n').filter((line) => line.startsWith('    at ')),
    ...(cause instanceof Error && { cause: outline(cause) }),
  }
}
