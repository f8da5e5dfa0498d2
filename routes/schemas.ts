import { type Static, type TSchema, Type } from '@sinclair/typebox'
import type { FastifyPluginAsync, FastifyTypeProvider, RawServerDefault } from 'fastify'
import { EMAIL_MAX_LENGTH } from '../plugins/accounts/email.ts'
import type { User as UserRecord } from '../plugins/postern.ts'
import { type ProblemCode, problemBody, problems } from '../plugins/problem/codes.ts'

interface TypeBoxTypeProvider extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown
  serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown
}

/** An endpoint's plugin, whose handlers are typed by its TypeBox schemas. */
export type Route<Options extends object = Record<never, never>> = FastifyPluginAsync<
  Options,
  RawServerDefault,
  TypeBoxTypeProvider
>

/** An e-mail address in a request. */
export const Email = Type.String({
  format: 'email',
  description: `Trimmed and lower-cased, its domain in its own letters; at most ${EMAIL_MAX_LENGTH} characters.`,
  examples: ['ada@example.com'],
})

/** A user in a response. */
export const User = Type.Object(
  {
    id: Type.String({
      format: 'uuid',
      description: 'A UUID, of version 7 unless the user was imported.',
      examples: ['019a0b5e-4c1f-7c3a-9d2e-5b8f6a7c1d20'],
    }),
    email: Type.String({ examples: ['ada@example.com'] }),
    name: Type.Union([Type.String(), Type.Null()], { examples: ['Ada Lovelace'] }),
    created_at: Type.String({ format: 'date-time', examples: ['2026-11-22T09:30:00.000Z'] }),
  },
  { $id: 'PosternUser', description: 'A user, as they see themselves.' },
)

/** An error in a response. */
export const Problem = Type.Object(
  {
    type: Type.String({ format: 'uri-reference', examples: ['about:blank'] }),
    title: Type.String({ examples: [problems.invalid_request.title] }),
    status: Type.Integer({ examples: [400] }),
    detail: Type.Optional(Type.String({ examples: ['The body is not valid JSON in UTF-8'] })),
    code: Type.Unsafe<ProblemCode>({
      type: 'string',
      enum: Object.keys(problems),
      description: 'Stable: branch on this.',
      examples: ['invalid_request'],
    }),
    error: Type.Optional(
      Type.String({
        description: 'The code of RFC 6749 section 5.2, where a form or a client’s credentials are wrong.',
        examples: ['unsupported_grant_type'],
      }),
    ),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          path: Type.String({ description: 'A JSON Pointer into the body', examples: ['/email'] }),
          message: Type.String({ examples: ['must be an e-mail address'] }),
        }),
      ),
    ),
  },
  { $id: 'PosternProblem', description: 'An error (RFC 9457).' },
)

/** The schemas that routes refer to by name, so that the OpenAPI document names them too. */
export const sharedSchemas = [User, Problem]

/** A reference to the user's schema. */
export const UserRef = Type.Unsafe<Static<typeof User>>({ $ref: 'PosternUser#', description: 'The user.' })

/** A user as the body of a response. */
export function toUserBody(
  user: Pick<UserRecord, 'id' | 'email' | 'name' | 'createdAt'>,
): Static<typeof User> {
  const { id, email, name, createdAt } = user
  return { id, email, name, created_at: createdAt.toISOString() }
}

const noStore = { 'Cache-Control': { type: 'string', const: 'no-store', description: 'RFC 9111' } }

const statusHeaders: Record<number, object> = {
  401: { 'WWW-Authenticate': { type: 'string', description: 'RFC 6750 section 3', examples: ['Bearer'] } },
  429: {
    'Retry-After': { type: 'string', description: 'Seconds', examples: ['3600'] },
    'RateLimit-Policy': {
      type: 'string',
      description:
        'The limit, how many it allows, and in how many seconds (draft-ietf-httpapi-ratelimit-headers)',
      examples: ['"login_failures_per_address";q=100;w=86400'],
    },
    RateLimit: {
      type: 'string',
      description: 'The limit, how many are left, and for how many seconds',
      examples: ['"login_failures_per_address";r=0;t=3600'],
    },
  },
  503: { 'Retry-After': { type: 'string', description: 'Seconds', examples: ['5'] } },
}

/** The response of a success, with its headers. */
export function success<S extends TSchema>(schema: S, description: string): S {
  return { ...schema, description, headers: noStore }
}

/** The responses of a route's problems, and those of every route that asks the database. */
export function problemResponses(...codes: ProblemCode[]): Record<number, object> {
  return responsesTo([...codes, 'internal_error', 'database_unavailable'])
}

/** The responses of these problems only. */
export function responsesTo(codes: ProblemCode[]): Record<number, object> {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of codes) {
    const { status } = problems[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const responses = [...byStatus].map(([status, codesOfStatus]) => [
    status,
    {
      description: codesOfStatus.map((code) => `\`${code}\`: ${problems[code].title}.`).join(' '),
      headers: { ...noStore, ...statusHeaders[status] },
      content: {
        'application/problem+json': {
          schema: { $ref: 'PosternProblem#' },
          examples: Object.fromEntries(codesOfStatus.map((code) => [code, { value: problemBody(code) }])),
        },
      },
    },
  ])
  return Object.fromEntries(responses)
}

/** The same for routes that OAuth clients call. A 400 or 401 has the media type of RFC 6749 section 5.2. */
export function oauthResponses(...codes: ProblemCode[]): Record<number, object> {
  const responses = problemResponses(...codes) as Record<number, { content: Record<string, object> }>
  for (const status of [400, 401]) {
    const response = responses[status]
    const { 'application/problem+json': content } = response?.content ?? {}
    if (response && content) response.content = { 'application/json': content }
  }
  return responses
}
