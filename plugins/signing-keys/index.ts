import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { SigningKeyRow } from '../../drizzle/index.ts'
import type { Settings } from '../postern.ts'
import { ALGORITHMS, type Algorithm } from './algorithms.ts'
import { createFastapiJwts, FASTAPI_ALGORITHM, isFastapiHeader } from './fastapi.ts'
import { createJwt, type Jwt } from './jwt.ts'
import { createKeyLifecycle, isLive, type KeyLifecycle } from './lifecycle.ts'
import { declareKeyMetrics } from './metrics.ts'
import rotation from './rotation.ts'
import { createSealer } from './sealing.ts'
import { openKey } from './stored-key.ts'

/** A key that signs tokens or still verifies them. */
export interface SigningKey extends Jwt {
  readonly kid: string
  readonly algorithm: Algorithm
  /** SPKI in PEM, as it belongs to the sealed private key; null for a symmetric key. */
  readonly publicKey: string | null
}

/** The keys of this deployment. They are stored in the database; a process only holds them opened. */
export interface SigningKeys extends Pick<KeyLifecycle, 'maintain'> {
  /** The key that signs now, according to the database. */
  current(): Promise<SigningKey>
  /** The key whose tokens begin with this encoded header, if this process has loaded it. */
  findByHeader(header: string): SigningKey | undefined
  /**
   * Whether an unknown header could belong to a key that another process has just created or imported. If not, there is
   * no need to ask the database.
   */
  mayExist(header: string): boolean
  /** Loads keys that other processes have created, rarely: callers that come at the same time share one query. */
  refresh(): Promise<void>
  /** The keys whose tokens are valid at present, and those that will sign soon, oldest first. */
  list(): Promise<Pick<SigningKey, 'kid' | 'algorithm' | 'publicKey'>[]>
}

declare module 'fastify' {
  interface FastifyInstance {
    signingKeys: SigningKeys
  }
}

type SigningKeysSettings = Pick<
  Settings,
  'secretKey' | 'algorithm' | 'issuer' | 'audience' | 'accessTokenExpireMinutes' | 'keyRotationDays'
>

/** Milliseconds between two queries for unknown keys, so that a flood of forged tokens is not a flood of queries. */
const REFRESH_INTERVAL = 100

async function signingKeys(app: FastifyInstance, settings: SigningKeysSettings): Promise<void> {
  const { secretKey, issuer, audience } = settings
  const repository = app.database.signingKeys
  const lifecycle = createKeyLifecycle({ ...settings, repository, audit: app.audit.by })
  const sealer = createSealer(secretKey)
  let keysByHeader: ReadonlyMap<string, SigningKey> = new Map()
  let nextRefresh: Promise<void> | undefined
  let lastRefresh = Number.NEGATIVE_INFINITY

  /** Opens the keys that are new to this process, and drops the retired ones. @returns all, oldest first */
  async function load(): Promise<SigningKey[]> {
    const now = new Date()
    const rows = (await repository.list()).filter((row) => isLive(row, now))
    const known = Map.groupBy(keysByHeader.values(), (key) => key.kid)
    const keys = await Promise.all(rows.map((row) => known.get(row.kid) ?? open(row)))
    keysByHeader = new Map(keys.flat().map((key) => [key.header, key]))
    return keys.flatMap(([key]) => key ?? [])
  }

  /**
   * Opens a key, once for each header that its tokens may have: ours have one, those of a FastAPI application one of
   * two.
   */
  async function open(row: SigningKeyRow): Promise<SigningKey[]> {
    const { kid, publicKey, privateKey } = openKey(sealer, row)
    if (row.algorithm === FASTAPI_ALGORITHM) {
      const importedAt = row.createdAt
      const jwts = await createFastapiJwts({ secret: privateKey, issuer, audience, importedAt })
      return jwts.map((jwt) => ({ kid, algorithm: 'HS256', publicKey, ...jwt }))
    }
    const algorithm = row.algorithm as Algorithm
    const jwt = await createJwt({ kid, algorithm, privateKey, publicKey, issuer, audience })
    return [{ kid, algorithm, publicKey, ...jwt }]
  }

  function findByKid(kid: string): SigningKey | undefined {
    return [...keysByHeader.values()].find((key) => key.kid === kid)
  }

  async function current(): Promise<SigningKey> {
    const { kid } = await lifecycle.ensureSigner()
    if (!findByKid(kid)) await load()
    const key = findByKid(kid)
    if (!key) throw new Error('The signing key was retired at this very moment')
    return key
  }

  async function refreshSoon(): Promise<void> {
    // Never at once, so that callers that come while it waits share it. By a clock that cannot be set back.
    const wait = lastRefresh + REFRESH_INTERVAL - performance.now()
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)))
    nextRefresh = undefined
    lastRefresh = performance.now()
    await load()
  }

  await load()
  await current()
  app.decorate('signingKeys', {
    current,
    findByHeader: (header) => keysByHeader.get(header),
    mayExist: (header) => isFastapiHeader(header) || isOurHeader(header),
    refresh: () => {
      nextRefresh ??= refreshSoon()
      return nextRefresh
    },
    list: load,
    maintain: lifecycle.maintain,
  })
  declareKeyMetrics(app.metrics, repository.list)
  await app.register(rotation, settings)
}

export default fp(signingKeys, {
  name: 'postern-signing-keys',
  dependencies: ['postern-audit', 'postern-database', 'postern-metrics'],
})

/** Whether an encoded header has the fields of one of our keys. */
function isOurHeader(encodedHeader: string): boolean {
  try {
    const { alg, kid } = JSON.parse(Buffer.from(encodedHeader, 'base64url').toString())
    return typeof kid === 'string' && ALGORITHMS.includes(alg)
  } catch {
    return false
  }
}
