import sensible from '@fastify/sensible'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { type Problem, type ProblemCode, type ProblemOptions, problemBody, problems } from './codes.ts'
import { LeakyBucket } from './refusal-queue.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes the error of a code, to be thrown. */
    problem(code: ProblemCode, options?: ProblemOptions): Problem
  }
}

/** Seconds after which a client may try again when the service could not answer. */
const RETRY_AFTER = '5'

/** The code for an error that Fastify, one of its plugins or a host threw with a status. */
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

/** Refusals that cost nothing, so that a client may come back for the next one as fast as it can send. */
const REFUSED_UNTRIED: readonly string[] = ['too_many_requests', 'overloaded']

/** What a host may call its own reasons to refuse: like Postern's codes, and unlike those of Fastify and Node.js. */
const CODE = /^[a-z][a-z0-9_]*$/

/** The challenge of a 401 (RFC 6750 section 3, RFC 7617 section 2). */
const challenges: Partial<Record<ProblemCode, (detail?: string) => string>> = {
  authentication_required: () => 'Bearer',
  invalid_credentials: () => 'Bearer',
  invalid_token: (detail) => `Bearer error="invalid_token"${detail ? `, error_description="${detail}"` : ''}`,
  invalid_client: () => 'Basic realm="postern", charset="UTF-8"',
}

/** Answers every error thrown in its scope as problem+json, and says nothing of what went wrong inside. */
async function errorHandler(app: FastifyInstance): Promise<void> {
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
    // Not enumerable, since a host may send or log all that it finds on an error.
    if (refusal) Object.defineProperty(problem, 'refusal', { value: refusal })
    return problem
  })

  const refusals = new LeakyBucket()
  app.setErrorHandler((thrown: FastifyError | Problem, request, reply) => {
    // Whatever can be thrown may have been.
    const error = thrown instanceof Error ? thrown : (new Error() as FastifyError)
    const problem = isProblem(error) ? error : translate(app, error)
    // That there is too much to do is no fault, and in a flood there is too much of it to log.
    if (problem.statusCode >= 500 && problem.code !== 'overloaded') {
      // The message of a database driver may carry a query's parameters, so only the names of what failed are kept.
      request.log.error({ err: outline(error) }, 'request failed')
    }
    if (!REFUSED_UNTRIED.includes(problem.code)) return sendProblem(reply, problem)
    return refusals.pass().then(() => sendProblem(reply, problem))
  })
}

export default fp(errorHandler, { name: 'postern-errors' })

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { statusCode: status, code, message, headers } = problem
  const kind = Object.hasOwn(problems, code) ? code : 'refused'
  const detail = status < 500 && message !== problems[kind].title ? message : undefined
  // A string, since a route's response schema is for its own answers.
  return reply
    .code(status)
    .type('application/problem+json')
    .headers(headers)
    .send(JSON.stringify({ ...problemBody(kind, { ...problem, detail }), status, code }))
}

function isProblem(error: { code?: string; headers?: object }): error is Problem {
  return error.code !== undefined && error.headers !== undefined && Object.hasOwn(problems, error.code)
}

/** Makes a problem of an error that somebody else threw. A host that refuses a request is free in its status and its code. */
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
