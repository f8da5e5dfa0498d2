import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { SigningKeyRow } from '../../drizzle/index.ts'
import { createFastapiJwts, FASTAPI_ALGORITHM } from './fastapi.ts'
import { type Algorithm, createJwt, type Jwt } from './jwt.ts'
import { createKeyLifecycle, isLive, type KeyLifecycle } from './lifecycle.ts'
import { createSealer } from './sealing.ts'

/** A key that signs tokens or still verifies them. */
export interface SigningKey extends Jwt {
  readonly kid: string
  readonly algorithm: Algorithm
}

/** The keys of this deployment. They live in the database; a process only remembers how to use them. */
export interface SigningKeys extends Pick<KeyLifecycle, 'maintain'> {
  /** The key that signs now, by the database's word. */
  current(): Promise<SigningKey>
  /** The key whose tokens begin with this encoded header, if this process has met it. */
  findByHeader(header: string): SigningKey | undefined
  /** Looks for keys that other processes have made, at most once in a while; callers within that while share one look. */
  refresh(): Promise<void>
  /** The keys whose tokens count at present, and those that will sign soon, oldest first. */
  list(): Promise<SigningKeyRow[]>
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

  constructor() {
    super(
      'SECRET_KEY is not the one that sealed the signing keys in this database. Start with the former one.',
    )
  }
}

async function signingKeys(app: FastifyInstance, options: SigningKeysOptions): Promise<void> {
  const { secretKey, algorithm, issuer, audience, tokenLifetime } = options
  const repository = app.database.signingKeys
  const lifecycle = createKeyLifecycle({
    repository,
    secretKey,
    algorithm,
    tokenLifetime,
    audit: app.audit.by,
  })
  const sealer = createSealer(secretKey)
  let keysByHeader: ReadonlyMap<string, SigningKey> = new Map()
  let nextLook: Promise<void> | undefined
  let lastLook = Number.NEGATIVE_INFINITY

  async function list(): Promise<SigningKeyRow[]> {
    const now = new Date()
    return (await repository.list()).filter((row) => isLive(row, now))
  }

  /** Learns to use the keys that are new to this process, and forgets the retired ones. */
  async function load(): Promise<void> {
    const rows = await list()
    const known = Map.groupBy(keysByHeader.values(), (key) => key.kid)
    const keys = await Promise.all(rows.map((row) => known.get(row.kid) ?? open(row)))
    keysByHeader = new Map(keys.flat().map((key) => [key.header, key]))
  }

  /** The key once for each header that its tokens have: all of ours have one, those of a FastAPI application one of two. */
  async function open(row: SigningKeyRow): Promise<SigningKey[]> {
    const { kid, publicKey, createdAt } = row
    const privateKey = unseal(row)
    if (row.algorithm === FASTAPI_ALGORITHM) {
      const jwts = await createFastapiJwts({ secret: privateKey, issuer, audience, importedAt: createdAt })
      return jwts.map((jwt) => ({ kid, algorithm: 'HS256', ...jwt }))
    }
    const keyAlgorithm = row.algorithm as Algorithm
    const jwt = await createJwt({ kid, algorithm: keyAlgorithm, privateKey, publicKey, issuer, audience })
    return [{ kid, algorithm: keyAlgorithm, ...jwt }]
  }

  function unseal({ kid, sealedPrivateKey }: SigningKeyRow): string {
    try {
      return sealer.open(sealedPrivateKey, kid)
    } catch {
      throw new WrongSecretKeyError()
    }
  }

  function findByKid(kid: string): SigningKey | undefined {
    return [...keysByHeader.values()].find((key) => key.kid === kid)
  }

  async function current(): Promise<SigningKey> {
    const { kid } = await lifecycle.ensureSigner()
    if (!findByKid(kid)) await load()
    const key = findByKid(kid)
    if (!key) throw new Error('The signing key has been retired at this very moment')
    return key
  }

  async function look(): Promise<void> {
    // By a clock that nobody sets, and never at once: whoever comes meanwhile must find this look, and afterwards none.
    const wait = lastLook + REFRESH_INTERVAL - performance.now()
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)))
    nextLook = undefined
    lastLook = performance.now()
    await load()
  }

  await load()
  await current()
  app.decorate('signingKeys', {
    current,
    findByHeader: (header) => keysByHeader.get(header),
    refresh: () => {
      nextLook ??= look()
      return nextLook
    },
    list,
    maintain: lifecycle.maintain,
  })
}

export default fp(signingKeys, {
  name: 'postern-signing-keys',
  dependencies: ['postern-audit', 'postern-database'],
})
