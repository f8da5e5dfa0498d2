import sensible from '@fastify/sensible'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { type Problem, type ProblemCode, type ProblemOptions, problemBody, problems } from './codes.ts'
import { RefusalQueue } from './refusal-queue.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Creates the error of a code, to be thrown. */
    problem(code: ProblemCode, options?: ProblemOptions): Problem
  }
}

/** Seconds after which a client may retry when the service could not answer. */
const RETRY_AFTER = '5'

/** The code for an error that Fastify, one of its plugins or a host app threw with a status. */
const codeByStatus: Partial<Record<number, ProblemCode>> = {
  400: 'invalid_request',
  404: 'not_found',
  408: 'request_timeout',
  413: 'content_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  429: 'too_many_requests',
  431: 'header_fields_too_large',
  503: 'service_unavailable',
}

/** Refusals that cost the service nothing, so a client could ask for the next one as fast as it can send. */
const CHEAP_REFUSALS: readonly string[] = ['too_many_requests', 'overloaded']

/** The form of a host app's own codes: like Postern's, and unlike those of Fastify and Node.js. */
const CODE = /^[a-z][a-z0-9_]*$/

/** The challenge of a 401 (RFC 6750 section 3, RFC 7617 section 2). */
const challenges: Partial<Record<ProblemCode, (detail?: string) => string>> = {
  authentication_required: () => 'Bearer',
  invalid_credentials: () => 'Bearer',
  invalid_token: (detail) => `Bearer error="invalid_token"${detail ? `, error_description="${detail}"` : ''}`,
  invalid_client: () => 'Basic realm="postern", charset="UTF-8"',
}

/** Answers every error thrown in its scope as problem+json, without any internal message. */
async function problem(app: FastifyInstance): Promise<void> {
  await app.register(sensible)

  app.decorate('problem', (code: ProblemCode, options: ProblemOptions = {}): Problem => {
    const { detail, error, errors, headers, cause, refusal } = options
    const { status, title } = problems[code]
    const challenge = challenges[code]?.(detail)
    const problem = app.httpErrors.createError(status, detail ?? title, {
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
    // Not enumerable, since a host app may send or log all properties of an error.
    if (refusal) Object.defineProperty(problem, 'refusal', { value: refusal })
    return problem
  })

  const refusals = new RefusalQueue()
  app.setErrorHandler((thrown: FastifyError | Problem, request, reply) => {
    // JavaScript can throw any value.
    const error = thrown instanceof Error ? thrown : (new Error() as FastifyError)
    const problem = isProblem(error) ? error : translate(app, error)
    // Overload is not a fault, and in a flood there is too much of it to log.
    if (problem.statusCode >= 500 && problem.code !== 'overloaded') {
      // Names and places only: the message of a database driver may contain a query's parameters.
      request.log.error({ err: outline(error) }, 'request failed')
    }
    if (!CHEAP_REFUSALS.includes(problem.code)) return sendProblem(reply, problem)
    return refusals.wait().then(() => sendProblem(reply, problem))
  })
}

export default fp(problem, { name: 'postern-problem' })

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { statusCode: status, code, message, headers } = problem
  const kind = Object.hasOwn(problems, code) ? code : 'refused'
  const detail = status < 500 && message !== problems[kind].title ? message : undefined
  // Sent as a string: a route's response schema describes its own responses.
  return reply
    .code(status)
    .type('application/problem+json')
    .headers(headers)
    .send(JSON.stringify({ ...problemBody(kind, { ...problem, detail }), status, code }))
}

function isProblem(error: { code?: string; headers?: object }): error is Problem {
  return error.code !== undefined && error.headers !== undefined && Object.hasOwn(problems, error.code)
}

/** The problem for an error that is not ours. A host app may refuse a request with any 4xx status and code. */
function translate(app: FastifyInstance, error: FastifyError & Partial<Pick<Problem, 'headers'>>): Problem {
  const { statusCode: status = 500, code, message: detail, headers } = error
  if (!(status >= 400 && status < 500)) return app.problem(codeByStatus[status] ?? 'internal_error')
  const kind = codeByStatus[status] ?? 'refused'
  const problem = app.problem(kind, { detail, ...(headers && { headers }) })
  return Object.assign(problem, { statusCode: status, code: CODE.test(code ?? '') ? code : kind })
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
