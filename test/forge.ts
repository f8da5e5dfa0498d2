import { createCipheriv, createHmac, createPrivateKey, hkdfSync, randomBytes, sign } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { createSealer } from '../plugins/signing-keys/sealing.ts'
import { assertProblem, bearer, collectLog, createApp, createToken } from './helper.ts'
import { type Beside, openBeside, sharedSettings } from './shared-database.ts'

/** A signing key as an attacker has it who has stolen the database and SECRET_KEY. */
export interface StolenKey {
  kid: string
  algorithm: string
  /** PEM; null for a symmetric key. */
  publicKey: string | null
  /** PEM, or the symmetric key. */
  privateKey: string
}

/** Reads and unseals the signing keys of a database, oldest first. */
export async function stealKeys(db: Beside, secretKey: string): Promise<StolenKey[]> {
  const sealer = createSealer(secretKey)
  const rows = await db.all(
    `select kid, algorithm, public_key as "publicKey", sealed_private_key as sealed
    from signing_keys order by created_at`,
  )
  return (rows as { kid: string; algorithm: string; publicKey: string | null; sealed: string }[]).map(
    ({ sealed, ...key }) => ({ ...key, privateKey: sealer.open(sealed, key) }),
  )
}

/** Seals a private key as Postern did before it bound it to its algorithm and public key. */
export function sealAsBefore(
  secretKey: string,
  { kid, privateKey }: Pick<StolenKey, 'kid' | 'privateKey'>,
): string {
  const key = Buffer.from(hkdfSync('sha256', secretKey, '', 'postern signing-key sealing v1', 32))
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(kid))
  const sealed = Buffer.concat([cipher.update(privateKey, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url')
}

/** The header of the tokens that Postern signs with a key. */
export function headerOf({ algorithm, kid }: Pick<StolenKey, 'algorithm' | 'kid'>): object {
  return { alg: algorithm, typ: 'at+jwt', kid }
}

/**
 * Signs any claims under any header.
 *
 * @param claims an object, or text for JSON that an object cannot express
 * @param header likewise
 */
export function forge(
  key: StolenKey,
  claims: object | string,
  header: object | string = headerOf(key),
): string {
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${signBy(key, signed).toString('base64url')}`
}

/** Encodes a part of a token as JSON in base64url. Text is encoded as it is. */
export function encode(part: object | string): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

/** The claims of a token, which is not verified. */
export function claimsOf(token: string): Record<string, unknown> {
  return decode(token, 1)
}

/** The header of a token, which is not verified. */
export function decodeHeader(token: string): Record<string, unknown> {
  return decode(token, 0)
}

function decode(token: string, index: number): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString())
}

function signBy({ algorithm, privateKey }: StolenKey, text: string): Buffer {
  const data = Buffer.from(text)
  switch (algorithm) {
    case 'HS256':
      return createHmac('sha256', privateKey).update(data).digest()
    case 'EdDSA':
      return sign(null, data, createPrivateKey(privateKey))
    default:
      return sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  }
}

/** An app, and an attacker who has its signing key and whose tokens must still pass every check. */
export interface Forger {
  app: FastifyInstance
  key: StolenKey
  /** A token that Postern issued, and its claims. */
  token: string
  claims: Record<string, unknown>
  log(): string
}

export async function createForger(t: Test, algorithm = 'ES256'): Promise<Forger> {
  const log = collectLog()
  const settings = await sharedSettings(t)
  const app = await createApp(t, { ...settings, ALGORITHM: algorithm, LOG_LEVEL: 'trace' }, log.stream)
  const token = await createToken(app)
  const [key] = await stealKeys(openBeside(t, settings), settings.SECRET_KEY)
  if (!key) throw new Error('The database has no signing key')
  return { app, key, token, claims: claimsOf(token), log: log.text }
}

/** Asserts that every endpoint that takes a token refuses this one with 401, and that it is not in the log. */
export async function assertRefused(
  t: Test,
  { app, log }: Forger,
  token: string,
  about: string,
): Promise<void> {
  for (const [method, url] of [
    ['GET', '/getUser'],
    ['POST', '/logout'],
    ['GET', '/verify'],
  ] as const) {
    const answer = await app.inject({ method, url, headers: bearer(token) })
    assertProblem(t, answer, 'invalid_token', `${url}, ${about}`)
    t.match(answer.headers['www-authenticate'], /^Bearer error="invalid_token"/)
  }
  t.notOk(log().includes(token), `${about}: not in the log`)
}

export async function assertAccepted(t: Test, { app }: Forger, token: string, about: string): Promise<void> {
  t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 200, about)
}
