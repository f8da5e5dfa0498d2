import { randomBytes } from 'node:crypto'
import type { Repositories, SigningKeyRow } from '../../drizzle/index.ts'
import { type AuditedWrite, createAuditEvent } from '../audit/event.ts'
import type { Settings } from '../postern.ts'
import { generateKey } from './generate.ts'
import { createSealer } from './sealing.ts'

/** Seconds for which a verifier may cache the JWKS (RFC 9111 section 5.2.2.1). */
export const JWKS_MAX_AGE = 300

/** Milliseconds that a new key is published before it signs: as long as a cached JWKS may lack it, and a margin. */
const PUBLISHED_BEFORE_SIGNING = (JWKS_MAX_AGE + 30) * 1000

/** Milliseconds that a key verifies beyond the expiry of its last token, for clocks that differ. */
const RETIREMENT_MARGIN = 60_000

/**
 * How often a step looks again, if the keys change meanwhile: another process may create the next key, or an operator
 * retire it.
 */
const ATTEMPTS = 3

/** The settings that the keys of a deployment depend on. */
export interface KeyLifecycleOptions
  extends Pick<Settings, 'secretKey' | 'algorithm' | 'accessTokenExpireMinutes'> {
  repository: Repositories['signingKeys']
  /** Records each new key; by default without an actor. */
  audit?: AuditedWrite
}

/** What a key is used for at a moment. */
export type KeyState = 'published' | 'signing' | 'verifying' | 'retired'

/**
 * Creates, rotates and retires signing keys. Of several processes that do so at once, the database lets one succeed.
 */
export interface KeyLifecycle {
  /** The key to sign with now. Where there is none, a waiting key signs early, or a key is created. */
  ensureSigner(): Promise<SigningKeyRow>
  /**
   * Creates the next key, which is published at once and signs later. The present key verifies until its last token has
   * expired. If a next key is waiting already, it is returned instead.
   */
  rotate(): Promise<{ key: SigningKeyRow; created: boolean }>
  /** Rotates if the newest key is older than `maxAge` milliseconds, and plans the end of replaced keys. */
  maintain(maxAge: number): Promise<void>
}

/** Whether a key's tokens are valid at a moment. */
export function isLive(key: Pick<SigningKeyRow, 'retiresAt'>, now: Date): boolean {
  return key.retiresAt === null || key.retiresAt > now
}

/** What a key is used for at a moment, given all keys. */
export function stateOf(key: SigningKeyRow, keys: SigningKeyRow[], now: Date): KeyState {
  if (!isLive(key, now)) return 'retired'
  if (key.activatesAt > now) return 'published'
  const successor = keys.find(({ predecessor }) => predecessor === key.kid)
  const replaced = successor ? successor.activatesAt <= now : key.retiresAt !== null
  return replaced ? 'verifying' : 'signing'
}

export function createKeyLifecycle(options: KeyLifecycleOptions): KeyLifecycle {
  const { repository, secretKey, algorithm, accessTokenExpireMinutes } = options
  const { audit = (name, details, write) => write(createAuditEvent(name, details)) } = options
  const tokenLifetime = accessTokenExpireMinutes * 60
  const sealer = createSealer(secretKey)

  /** Creates the key after the newest one, unless another process does so first. */
  async function createSuccessor(keys: SigningKeyRow[], activatesAt: Date): Promise<boolean> {
    const kid = randomBytes(12).toString('hex')
    const { publicKey, privateKey } = await generateKey(algorithm, secretKey)
    const predecessor = newest(keys)
    const row = {
      kid,
      algorithm,
      predecessor: predecessor?.kid ?? algorithm,
      publicKey,
      sealedPrivateKey: sealer.seal(privateKey, { kid, algorithm, publicKey }),
      maxTokenLifetime: tokenLifetime,
      createdAt: new Date(),
      activatesAt,
      retiresAt: null,
    }
    return await audit('sensitive_create', { reason: 'signing_key', target: kid }, (event) =>
      predecessor ? repository.insertSuccessor(row, event) : repository.insert(row, event),
    )
  }

  function newest(keys: SigningKeyRow[]): SigningKeyRow | undefined {
    const successors = new Set(keys.map(({ predecessor }) => predecessor))
    return keys.findLast((key) => key.algorithm === algorithm && !successors.has(key.kid))
  }

  /** The newest key that may sign and does not retire before its token expires. */
  function findSigner(keys: SigningKeyRow[], now: Date): SigningKeyRow | undefined {
    const expiry = new Date(now.getTime() + tokenLifetime * 1000)
    return keys.findLast(
      (key) => key.algorithm === algorithm && key.activatesAt <= now && isLive(key, expiry),
    )
  }

  /** The newest key, if it does not sign yet. */
  function findWaiting(keys: SigningKeyRow[], now: Date): SigningKeyRow | undefined {
    const key = newest(keys)
    return key && key.activatesAt > now && isLive(key, now) ? key : undefined
  }

  async function ensureSigner(): Promise<SigningKeyRow> {
    let keys = await repository.list()
    let signer = findSigner(keys, new Date())
    for (let attempt = 1; !signer && attempt <= ATTEMPTS; attempt++) {
      const now = new Date()
      const waiting = findWaiting(keys, now)
      if (waiting) await repository.activate(waiting.kid, now)
      else await createSuccessor(keys, now)
      keys = await repository.list()
      signer = findSigner(keys, new Date())
    }
    if (!signer) throw new Error(`There is no key to sign with by ${algorithm}`)
    if (signer.maxTokenLifetime < tokenLifetime) {
      await repository.raiseMaxTokenLifetime(signer.kid, tokenLifetime)
    }
    return signer
  }

  /**
   * Sets the end of each key that has a successor, or whose algorithm is not used any more. This is not one step with
   * creating the successor: a process that dies between the two leaves a key that verifies too long, never one that
   * ends too soon.
   */
  async function endReplaced(): Promise<void> {
    const keys = await repository.list()
    for (const key of keys.filter(({ retiresAt }) => retiresAt === null)) {
      const successor = keys.find(({ predecessor }) => predecessor === key.kid)
      const lastSignature = successor?.activatesAt ?? (key.algorithm === algorithm ? undefined : new Date())
      if (!lastSignature) continue
      const afterwards = key.maxTokenLifetime * 1000 + RETIREMENT_MARGIN
      await repository.end(key.kid, new Date(lastSignature.getTime() + afterwards), successor?.kid)
    }
  }

  async function rotate(): Promise<{ key: SigningKeyRow; created: boolean }> {
    await ensureSigner()
    let created = false
    for (let attempt = 1; !created && attempt <= ATTEMPTS; attempt++) {
      const keys = await repository.list()
      const now = new Date()
      if (findWaiting(keys, now)) break
      created = await createSuccessor(keys, new Date(now.getTime() + PUBLISHED_BEFORE_SIGNING))
    }
    await endReplaced()
    const key = newest(await repository.list())
    if (!key) throw new Error(`There is no key of ${algorithm}`)
    return { key, created }
  }

  async function maintain(maxAge: number): Promise<void> {
    const key = newest(await repository.list())
    if (key && key.createdAt.getTime() + maxAge <= Date.now()) await rotate()
    else await endReplaced()
  }

  return { ensureSigner, rotate, maintain }
}
