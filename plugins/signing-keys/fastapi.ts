import { createHash, createHmac } from 'node:crypto'
import fastifyJwt, { type FastifyJWTOptions } from '@fastify/jwt'
import fastify from 'fastify'
import { isEmailAddress, normalizeEmail } from '../accounts/email.ts'
import { type AccessTokenClaims, type Jwt, LAST_TIME } from './jwt.ts'

/**
 * The `algorithm` of a key whose tokens are those of a FastAPI application that Postern has followed: it verifies them, and signs none.
 * No setting has this value, so no key of Postern's own is ever taken for one of these, or the other way round.
 */
export const FASTAPI_ALGORITHM = 'HS256-fastapi'

/** The `predecessor` of the first of these keys: it is unique, so that there is one at a time. */
export const FASTAPI_PREDECESSOR = 'fastapi'

/** What the libraries of Python write for a header: python-jose and PyJWT, and PyJWT before 2.4. */
const HEADERS = [
  { alg: 'HS256', typ: 'JWT' },
  { typ: 'JWT', alg: 'HS256' },
].map((header) => Buffer.from(JSON.stringify(header)).toString('base64url'))

/** What a token names its account by: the first of these that it has. */
export const SUBJECT_CLAIMS = ['sub', 'email', 'username', 'user_id', 'id'] as const
export type SubjectClaim = (typeof SUBJECT_CLAIMS)[number]

/** What else a token may say. One that says more may be none for access: to set a new password, or to refresh another. */
const OTHER_CLAIMS: readonly string[] = ['exp', 'iat', 'nbf', 'jti', 'name', 'full_name', 'role', 'is_admin']

/** A claim that says what a token is for, and what it must say. */
const PURPOSES: Readonly<Record<string, readonly string[]>> = {
  type: ['access'],
  token_type: ['access', 'bearer'],
}

/** Whether an encoded header may be of a token of a FastAPI application. */
export function isFastapiHeader(header: string): boolean {
  return HEADERS.includes(header)
}

/**
 * The id of the account that a token names, and the id that the account gets when it is imported. Nobody else's account has such an id,
 * neither one that was there before nor one that somebody registers later, be it under the same e-mail.
 *
 * @param secret what signs the tokens
 * @param subject the claim's value, exactly
 * @returns a UUIDv8 (RFC 9562 section 5.8)
 */
export function fastapiUserId(secret: string, claim: SubjectClaim, subject: string): string {
  const digest = createHmac('sha256', secret).update(`postern fastapi user v1\0${claim}\0${subject}`).digest()
  digest[6] = ((digest[6] as number) & 0x0f) | 0x80
  digest[8] = ((digest[8] as number) & 0x3f) | 0x80
  const hex = digest.toString('hex', 0, 16)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

interface FastapiJwtOptions {
  /** What signs the tokens: the SECRET_KEY of the FastAPI application. */
  secret: string
  /** What Postern says of such a token where it speaks of one. */
  issuer: string
  audience: string
  /** Stands for the time of issue where a token has none. */
  importedAt: Date
}

/** Makes the JWT functions for the tokens of a FastAPI application, one for each header that they may have. */
export async function createFastapiJwts(options: FastapiJwtOptions): Promise<Jwt[]> {
  const { secret, issuer, audience, importedAt } = options
  const settings: FastifyJWTOptions = {
    secret,
    sign: { algorithm: 'HS256' },
    verify: { algorithms: ['HS256'], requiredClaims: ['exp'], cache: false },
  }
  const holder = fastify({ logger: false })
  await holder.register(fastifyJwt, settings)

  function verify(token: string): AccessTokenClaims {
    const claims = holder.jwt.verify<Record<string, unknown>>(token)
    const { claim, subject } = readSubject(claims)
    return {
      iss: issuer,
      aud: audience,
      client_id: 'postern',
      sub: fastapiUserId(secret, claim, subject),
      jti: tokenId(token),
      iat: readTime(claims, 'iat') ?? Math.floor(importedAt.getTime() / 1000),
      exp: readTime(claims, 'exp') ?? 0,
      // Of an account that was just imported. Whatever refuses all tokens of an account raises it.
      ver: 0,
      email: isEmailAddress(subject) ? normalizeEmail(subject) : '',
    }
  }

  function sign(): never {
    throw new Error('A key of a FastAPI application signs nothing')
  }

  return HEADERS.map((header) => ({ header, sign, verify }))
}

/** By what the signature is of, since the signature itself can be spelled in several ways. */
function tokenId(token: string): string {
  const signed = token.slice(0, token.lastIndexOf('.'))
  return `fastapi.${createHash('sha256').update(signed).digest('base64url')}`
}

/** @throws TypeError where a token may be for something else, or for nobody */
function readSubject(claims: Record<string, unknown>): { claim: SubjectClaim; subject: string } {
  const claim = SUBJECT_CLAIMS.find((name) => claims[name] !== undefined)
  for (const [name, value] of Object.entries(claims)) {
    const isKnown = OTHER_CLAIMS.includes(name) || (SUBJECT_CLAIMS as readonly string[]).includes(name)
    if (!isKnown && !PURPOSES[name]?.includes(String(value).toLowerCase())) {
      throw new TypeError('The token has a claim that no access token of FastAPI needs')
    }
  }
  const subject = claim && claims[claim]
  if (claim && typeof subject === 'string') return { claim, subject }
  if (claim && Number.isSafeInteger(subject)) return { claim, subject: String(subject) }
  throw new TypeError('The token names no account')
}

/** Seconds since the epoch; Python writes a fraction now and then. */
function readTime(claims: Record<string, unknown>, name: string): number | undefined {
  const time = claims[name]
  if (time === undefined) return undefined
  if (typeof time === 'number' && time >= 0 && time <= LAST_TIME) return Math.floor(time)
  throw new TypeError(`The ${name} claim is not a time`)
}
