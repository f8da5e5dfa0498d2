import { createHash, createHmac, randomBytes } from 'node:crypto'
import fastifyJwt, { type FastifyJWTOptions } from '@fastify/jwt'
import fastify from 'fastify'
import { isEmailAddress, normalizeEmail } from '../accounts/email.ts'
import { type AccessTokenClaims, type Jwt, LAST_TIME } from './jwt.ts'

/**
 * The `algorithm` of a key that verifies the tokens of the FastAPI application that Postern has replaced, and signs
 * none. The setting ALGORITHM cannot have this value, so such a key is never confused with one of Postern's own.
 */
export const FASTAPI_ALGORITHM = 'HS256-fastapi'

/** The `predecessor` of the first such key. The column is unique, so there is only one such key at a time. */
export const FASTAPI_PREDECESSOR = 'fastapi'

/** What the `kid` of such a key begins with. It is sealed with the secret, so no such key can pass for one of ours. */
const KID_PREFIX = 'fastapi-'

/** The headers that Python's libraries write: python-jose and PyJWT, and PyJWT before 2.4. */
const HEADERS = [
  { alg: 'HS256', typ: 'JWT' },
  { typ: 'JWT', alg: 'HS256' },
].map((header) => Buffer.from(JSON.stringify(header)).toString('base64url'))

/** The claims that may name a token's user: the first of these that it has does. */
export const SUBJECT_CLAIMS = ['sub', 'email', 'username', 'user_id', 'id'] as const
export type SubjectClaim = (typeof SUBJECT_CLAIMS)[number]

/** The other claims that an access token may have. A token with more may be for a password reset or a refresh. */
const OTHER_CLAIMS: readonly string[] = ['exp', 'iat', 'nbf', 'jti', 'name', 'full_name', 'role', 'is_admin']

/** Claims that name a token's purpose, and the values that mean access. */
const PURPOSES: Readonly<Record<string, readonly string[]>> = {
  type: ['access'],
  token_type: ['access', 'bearer'],
}

/** Creates the `kid` of a key for the tokens of a FastAPI application. */
export function createFastapiKid(): string {
  return `${KID_PREFIX}${randomBytes(8).toString('hex')}`
}

/** Whether a `kid` is that of a key for the tokens of a FastAPI application. */
export function isFastapiKid(kid: string): boolean {
  return kid.startsWith(KID_PREFIX)
}

/** Whether an encoded header may belong to a token of a FastAPI application. */
export function isFastapiHeader(header: string): boolean {
  return HEADERS.includes(header)
}

/**
 * The id that a user gets when they are imported, and to which their tokens refer. No other user can have it: neither
 * an earlier one, nor one who registers later with the same e-mail.
 *
 * @param secret signs the tokens
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
  /** Signs the tokens: the SECRET_KEY of the FastAPI application. */
  secret: string
  /** The `iss` and `aud` that Postern gives such a token in its own answers. */
  issuer: string
  audience: string
  /** The time of issue of a token without `iat`. */
  importedAt: Date
  /** Milliseconds by which `exp` and `nbf` may be missed; 0 by default. */
  tolerance?: number
}

/** Creates the JWT functions for the tokens of a FastAPI application, one for each header that they may have. */
export async function createFastapiJwts(options: FastapiJwtOptions): Promise<Jwt[]> {
  const { secret, issuer, audience, importedAt, tolerance = 0 } = options
  const settings: FastifyJWTOptions = {
    secret,
    sign: { algorithm: 'HS256' },
    verify: { algorithms: ['HS256'], requiredClaims: ['exp'], clockTolerance: tolerance, cache: false },
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
      // The version of a user just imported. Refusing all of the user's tokens raises it.
      ver: 0,
      email: isEmailAddress(subject) ? normalizeEmail(subject) : '',
    }
  }

  function sign(): never {
    throw new Error('A key of a FastAPI application signs nothing')
  }

  return HEADERS.map((header) => ({ header, sign, verify }))
}

/** A digest of the signed part: the signature itself has several spellings that all verify. */
function tokenId(token: string): string {
  const signed = token.slice(0, token.lastIndexOf('.'))
  return `fastapi.${createHash('sha256').update(signed).digest('base64url')}`
}

/** @throws TypeError if the token may have another purpose, or names no user */
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
  throw new TypeError('The token names no user')
}

/** Seconds since the epoch. Python's libraries sometimes write fractions. */
function readTime(claims: Record<string, unknown>, name: string): number | undefined {
  const time = claims[name]
  if (time === undefined) return undefined
  if (typeof time === 'number' && time >= 0 && time <= LAST_TIME) return Math.floor(time)
  throw new TypeError(`The ${name} claim is not a time`)
}
