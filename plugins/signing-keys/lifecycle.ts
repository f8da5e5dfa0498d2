import { randomBytes } from 'node:crypto'
import type { Repositories, SigningKeyRow } from '../../drizzle/index.ts'
import { type AuditedWrite, makeAuditEvent } from '../audit/event.ts'
import { generateKey } from './generate.ts'
import type { Algorithm } from './jwt.ts'
import { createSealer } from './sealing.ts'

/** Seconds for which a verifier may keep the JWKS (RFC 9111 section 5.2.2.1). */
export const JWKS_MAX_AGE = 300

/** Milliseconds that a new key is published before it signs: as long as a kept JWKS may lack it, and somewhat more. */
const PUBLISHED_BEFORE_SIGNING = (JWKS_MAX_AGE + 30) * 1000

/** Milliseconds that a key verifies beyond the expiry of its last token, for clocks that differ. */
const RETIREMENT_MARGIN = 60_000

/** What the life of a deployment's keys depends on. */
export interface KeyLifecycleOptions {
  repository: Repositories['signingKeys']
  /** Records what is made; by default as nobody's doing. */
  audit?: AuditedWrite
  /** The setting SECRET_KEY. */
  secretKey: string
  /** The algorithm of the tokens to come. */
  algorithm: Algorithm
  /** Seconds that the tokens to come live. */
  tokenLifetime: number
}

/** What a key is for, at a moment. */
export type KeyState = 'published' | 'signing' | 'verifying' | 'retired'

/** Makes, rotates and retires signing keys. Whoever else does so at the same moment: the database lets one of them. */
export interface KeyLifecycle {
  /** The key to sign with now; made, or allowed to sign early, where there is none. */
  ensureSigner(): Promise<SigningKeyRow>
  /**
   * Makes the next key, which is published at once and signs later; the present one verifies until its last token has expired.
   * While a next key is waiting already, that one is returned instead.
   */
  rotate(): Promise<{ key: SigningKeyRow; made: boolean }>
  /** Rotates if the newest key is older than that many milliseconds, and ends the use of what has been replaced. */
  maintain(maxAge: number): Promise<void>
}

/** Whether a key's tokens count at a moment. */
export function isLive(key: SigningKeyRow, now: Date): boolean {
  return key.retiresAt === null || key.retiresAt > now
}

/** What each key is for at a moment, given all keys. */
export function stateOf(key: SigningKeyRow, keys: SigningKeyRow[], now: Date): KeyState {
  if (!isLive(key, now)) return 'retired'
  if (key.activatesAt > now) return 'published'
  const successor = keys.find(({ predecessor }) => predecessor === key.kid)
  const replaced = successor ? successor.activatesAt <= now : key.retiresAt !== null
  return replaced ? 'verifying' : 'signing'
}

export function createKeyLifecycle(options: KeyLifecycleOptions): KeyLifecycle {
  const { repository, secretKey, algorithm, tokenLifetime } = options
  const { audit = (name, details, write) => write(makeAuditEvent(name, details)) } = options
  const sealer = createSealer(secretKey)

  /** Makes the key after the newest one, unless somebody else does so first. */
  async function makeSuccessor(keys: SigningKeyRow[], activatesAt: Date): Promise<boolean> {
    const kid = randomBytes(12).toString('hex')
    const { publicKey, privateKey } = await generateKey(algorithm, secretKey)
    const row = {
      kid,
      algorithm,
      predecessor: newest(keys)?.kid ?? algorithm,
      publicKey,
      sealedPrivateKey: sealer.seal(privateKey, kid),
      maxTokenLifetime: tokenLifetime,
      createdAt: new Date(),
      activatesAt,
      retiresAt: null,
    }
    return await audit('sensitive_create', { reason: 'signing_key', target: kid }, (event) =>
      repository.insert(row, event),
    )
  }

  function newest(keys: SigningKeyRow[]): SigningKeyRow | undefined {
    const successors = new Set(keys.map(({ predecessor }) => predecessor))
    return keys.findLast((key) => key.algorithm === algorithm && !successors.has(key.kid))
  }

  /** The newest key that may sign and will not be retired before its token expires. */
  function findSigner(keys: SigningKeyRow[], now: Date): SigningKeyRow | undefined {
    const expiry = new Date(now.getTime() + tokenLifetime * 1000)
    return keys.findLast(
      (key) => key.algorithm === algorithm && key.activatesAt <= now && isLive(key, expiry),
    )
  }

  async function ensureSigner(): Promise<SigningKeyRow> {
    let keys = await repository.list()
    const now = new Date()
    let signer = findSigner(keys, now)
    if (!signer) {
      const waiting = newest(keys)
      if (waiting && waiting.activatesAt > now && isLive(waiting, now)) {
        await repository.activate(waiting.kid, now)
      } else {
        await makeSuccessor(keys, now)
      }
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
   * Sets the end of each key that has a successor, or is of an algorithm no longer in use. Apart from making the successor, so
   * that a process which dies between the two leaves a key that verifies for too long, never one that ends too soon.
   */
  async function endReplaced(): Promise<void> {
    const keys = await repository.list()
    for (const key of keys.filter(({ retiresAt }) => retiresAt === null)) {
      const successor = keys.find(({ predecessor }) => predecessor === key.kid)
      const lastSignature = successor?.activatesAt ?? (key.algorithm === algorithm ? undefined : new Date())
      if (!lastSignature) continue
      const afterwards = key.maxTokenLifetime * 1000 + RETIREMENT_MARGIN
      await repository.end(key.kid, new Date(lastSignature.getTime() + afterwards))
    }
  }

  async function rotate(): Promise<{ key: SigningKeyRow; made: boolean }> {
    await ensureSigner()
    const keys = await repository.list()
    const now = new Date()
    const next = newest(keys)
    const waiting = next && next.activatesAt > now && isLive(next, now)
    const made = !waiting && (await makeSuccessor(keys, new Date(now.getTime() + PUBLISHED_BEFORE_SIGNING)))
    await endReplaced()
    const key = newest(await repository.list())
    if (!key) throw new Error(`There is no key of ${algorithm}`)
    return { key, made }
  }

  async function maintain(maxAge: number): Promise<void> {
    const key = newest(await repository.list())
    if (key && key.createdAt.getTime() + maxAge <= Date.now()) await rotate()
    else await endReplaced()
  }

  return { ensureSigner, rotate, maintain }
}
