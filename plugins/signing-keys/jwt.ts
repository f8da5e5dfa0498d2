import fastifyJwt, { type FastifyJWTOptions } from '@fastify/jwt'
import fastify from 'fastify'
import { isStorable } from '../../drizzle/storable-text.ts'
import type { Algorithm } from './algorithms.ts'

/** The end of the year 9999, in seconds since the epoch: the last second that RFC 3339 can write. */
export const LAST_TIME = 253_402_300_799

/** The greatest length of an id in characters: a longer one could not be indexed. Postern's own have 36. */
const ID_MAX_LENGTH = 255

/** The media type of an access token, in its header's `typ` (RFC 9068 section 2.1). */
const TYPE = 'at+jwt'

/** The claims of an access token (RFC 9068 section 2.2). Times are seconds since the epoch. */
export interface AccessTokenClaims {
  iss: string
  aud: string
  client_id: string
  sub: string
  jti: string
  iat: number
  exp: number
  /** The user's `token_version` when the token was issued. */
  ver: number
  email: string
}

/** Signs and verifies tokens with one key. */
export interface Jwt {
  /** The encoded header of every token of this key: one key, one algorithm, one spelling. */
  readonly header: string
  sign(claims: AccessTokenClaims): string
  /** @throws if the signature, the header or a claim is wrong; the error never repeats the token */
  verify(token: string): AccessTokenClaims
}

interface JwtOptions {
  kid: string
  algorithm: Algorithm
  /** PEM, or the symmetric key. */
  privateKey: string
  /** PEM, or null for a symmetric key. */
  publicKey: string | null
  issuer: string
  audience: string
}

const CLAIM_TYPES = {
  iss: 'string',
  aud: 'string',
  client_id: 'string',
  sub: 'string',
  jti: 'string',
  iat: 'number',
  exp: 'number',
  ver: 'number',
  email: 'string',
} as const satisfies Record<keyof AccessTokenClaims, string>

/**
 * Creates the JWT functions of one key.
 *
 * @fastify/jwt prepares its signer and verifier once for the key that it is registered with, and on every call for any
 * other key. Keys are added and retired while Postern runs, so each key gets an instance of its own. That instance
 * belongs to no app, so it cannot collide with a host app's @fastify/jwt.
 */
export async function createJwt(options: JwtOptions): Promise<Jwt> {
  const { kid, algorithm, privateKey, publicKey, issuer, audience } = options
  const settings: FastifyJWTOptions = {
    secret: publicKey === null ? privateKey : { private: privateKey, public: publicKey },
    sign: { algorithm, kid, header: { alg: algorithm, typ: TYPE } },
    verify: {
      algorithms: [algorithm],
      allowedIss: issuer,
      allowedAud: audience,
      checkTyp: TYPE,
      requiredClaims: Object.keys(CLAIM_TYPES),
      cache: false,
    },
  }
  const holder = fastify({ logger: false })
  await holder.register(fastifyJwt, settings)
  const { jwt } = holder
  return {
    header: jwt.sign({}).split('.', 1)[0] as string,
    sign: (claims) => jwt.sign(claims),
    verify: (token) => assertTypes(jwt.verify(token)),
  }
}

/**
 * Holds the claims to the types that Postern's own tokens have. RFC 7519 allows more: `aud` may be a list, a time any
 * number, and a text may hold characters that no database stores.
 */
function assertTypes(claims: Record<string, unknown>): AccessTokenClaims {
  for (const [name, type] of Object.entries(CLAIM_TYPES)) {
    const claim = claims[name]
    const isOurs = typeof claim === 'string' ? isStorable(claim) : isTime(claim)
    if (typeof claim !== type || !isOurs) {
      throw new TypeError(`The ${name} claim is not a ${type}`)
    }
    if ((name === 'sub' || name === 'jti') && `${claim}`.length > ID_MAX_LENGTH) {
      throw new RangeError(`The ${name} claim is too long`)
    }
  }
  return claims as unknown as AccessTokenClaims
}

function isTime(claim: unknown): boolean {
  return Number.isSafeInteger(claim) && (claim as number) <= LAST_TIME
}
