import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { SigningKeyRow } from '../drizzle/index.ts'
import { type Algorithm, createJwt, type Jwt } from './jwt.ts'
import { createSealer } from './sealing.ts'

/** A key that signs tokens or still verifies them. */
export interface SigningKey extends Jwt {
  readonly kid: string
  readonly algorithm: Algorithm
  /** SPKI in PEM; null for a symmetric key. */
  readonly publicKey: string | null
}

/** The keys of this deployment. They live in the database; a process only remembers how to use them. */
export interface SigningKeys {
  /** The key that signs now, by the database's word. */
  current(): Promise<SigningKey>
  /** The key whose tokens begin with this encoded header, if this process has met it. */
  findByHeader(header: string): SigningKey | undefined
  /** Looks for keys that other processes have made, at most once in a while; callers within that while share one look. */
  refresh(): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    signingKeys: SigningKeys
  }
}

interface SigningKeysOptions {
  /** The setting SECRET_KEY. */
  secretKey: string
  algorithm: Algorithm
  issuer: string
  audience: string
  /** Seconds that a token lives. */
  tokenLifetime: number
}

/** Milliseconds between two looks for unknown keys, so that a flood of forged tokens does not become a flood of queries. */
const REFRESH_INTERVAL = 100

/** SECRET_KEY is another than the one that the stored keys were sealed with. */
export class WrongSecretKeyError extends Error {
  override readonly name = 'WrongSecretKeyError'
}

async function signingKeys(app: FastifyInstance, options: SigningKeysOptions): Promise<void> {
  const { algorithm, issuer, audience, tokenLifetime } = options
  const repository = app.database.signingKeys
  const sealer = createSealer(options.secretKey)
  let keysByHeader: ReadonlyMap<string, SigningKey> = new Map()
  let nextLook: Promise<void> | undefined
  let lastLook = 0

  /** Reads the keys that count at present, and learns to use the new ones. */
  async function load(): Promise<SigningKeyRow[]> {
    const rows = await repository.list(new Date())
    const known = new Map([...keysByHeader.values()].map((key) => [key.kid, key]))
    const keys = await Promise.all(rows.map((row) => known.get(row.kid) ?? open(row)))
    keysByHeader = new Map(keys.map((key) => [key.header, key]))
    lastLook = Date.now()
    return rows
  }

  async function open(row: SigningKeyRow): Promise<SigningKey> {
    const { kid, publicKey } = row
    const keyAlgorithm = row.algorithm as Algorithm
    const privateKey = unseal(row)
    const jwt = await createJwt({ kid, algorithm: keyAlgorithm, privateKey, publicKey, issuer, audience })
    return { kid, algorithm: keyAlgorithm, publicKey, ...jwt }
  }

  function unseal({ kid, sealedPrivateKey }: SigningKeyRow): string {
    try {
      return sealer.open(sealedPrivateKey, kid)
    } catch {
      throw new WrongSecretKeyError(
        'SECRET_KEY is not the one that sealed the signing keys in this database. Start with the former one.',
      )
    }
  }

  /** Makes a key for the algorithm, unless another process does so at the same moment: then that one counts. */
  async function make(): Promise<void> {
    const now = new Date()
    const kid = randomBytes(12).toString('base64url')
    const { publicKey, privateKey } = await generate(algorithm, options.secretKey)
    await repository.insert({
      kid,
      algorithm,
      publicKey,
      sealedPrivateKey: sealer.seal(privateKey, kid),
      maxTokenLifetime: tokenLifetime,
      createdAt: now,
      activatesAt: now,
      retiresAt: null,
    })
  }

  async function findCurrent(): Promise<SigningKeyRow | undefined> {
    const rows = await load()
    const now = Date.now()
    return rows.findLast((row) => row.algorithm === algorithm && row.activatesAt.getTime() <= now)
  }

  async function current(): Promise<SigningKey> {
    let row = await findCurrent()
    if (!row) {
      await make()
      row = await findCurrent()
    }
    const key = [...keysByHeader.values()].find(({ kid }) => kid === row?.kid)
    if (!row || !key) throw new Error(`There is no signing key for ${algorithm}`)
    if (row.maxTokenLifetime < tokenLifetime) {
      await repository.raiseMaxTokenLifetime(row.kid, tokenLifetime)
    }
    return key
  }

  async function look(): Promise<void> {
    const wait = lastLook + REFRESH_INTERVAL - Date.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    nextLook = undefined
    await load()
  }

  await current()
  app.decorate('signingKeys', {
    current,
    findByHeader: (header) => keysByHeader.get(header),
    refresh: () => (nextLook ??= look()),
  })
}

export default fp(signingKeys, { name: 'postern-signing-keys', dependencies: ['postern-database'] })

const generateAsymmetric = promisify(generateKeyPair) as (
  type: string,
  options: object,
) => Promise<{ publicKey: string; privateKey: string }>

const encodings = {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}

/** New key material. HS256 has none of its own: its key is SECRET_KEY, which other services may share. */
async function generate(
  algorithm: Algorithm,
  secretKey: string,
): Promise<{ publicKey: string | null; privateKey: string }> {
  switch (algorithm) {
    case 'ES256':
      return await generateAsymmetric('ec', { namedCurve: 'P-256', ...encodings })
    case 'EdDSA':
      return await generateAsymmetric('ed25519', encodings)
    case 'RS256':
      return await generateAsymmetric('rsa', { modulusLength: 2048, ...encodings })
    case 'HS256':
      return { publicKey: null, privateKey: secretKey }
  }
}
