import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { createClient } from '../plugins/clients.ts'
import { type ProblemCode, problems } from '../plugins/problem/codes.ts'
import type { Answer } from './helper.ts'
import type { Beside } from './shared-database.ts'

/** A client that may introspect and revoke tokens. */
export interface Client {
  id: string
  secret: string
  /** Its `Authorization` header, by HTTP Basic. */
  header: { authorization: string }
}

/** Creates a client in a database, as `postern clients add` does. */
export async function addClient(db: Beside, name = 'resource server'): Promise<Client> {
  const { row, secret } = createClient(name)
  const { id, hashedSecret, createdAt } = row
  await db.run(
    'insert into clients (id, name, hashed_secret, created_at) values (?, ?, ?, ?)',
    id,
    name,
    hashedSecret,
    createdAt,
  )
  return { id, secret, header: basic(`${id}:${secret}`) }
}

/** The header of HTTP Basic (RFC 7617), with credentials that are not escaped. */
export function basic(text: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` }
}

/** Posts a form: parameters, or text that is sent unchanged. */
export async function postForm(
  app: FastifyInstance,
  url: string,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return await app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  })
}

/** Asserts that a response is an OAuth error (RFC 6749, section 5.2) that also has the members of a problem. */
export function assertOAuthError(
  t: Test,
  answer: Answer,
  code: ProblemCode,
  error: string,
  about: string = code,
): void {
  const { status, title } = problems[code]
  t.equal(answer.statusCode, status, `${about}: status`)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8', `${about}: media type`)
  t.equal(answer.headers['cache-control'], 'no-store', `${about}: not to be stored`)
  const { detail: _detail, errors: _errors, ...rest } = answer.json()
  t.strictSame(rest, { type: 'about:blank', title, status, code, error }, `${about}: body`)
}
