import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import type { SigningKeyRow } from '../../drizzle/index.ts'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What a sealed text begins with. The base64url of one that was sealed before has no dot. */
const VERSION = 'v2.'

/** What a private key belongs to. */
export type KeyIdentity = Pick<SigningKeyRow, 'kid' | 'algorithm' | 'publicKey'>

/**
 * Encrypts and authenticates private keys for storage: AES-256-GCM (NIST SP 800-38D) under a key derived by HKDF
 * (RFC 5869).
 */
export interface Sealer {
  /** Seals a private key, so that it can be opened only with the same id, algorithm and public key. */
  seal(privateKey: string, identity: KeyIdentity): string
  /** @throws if it was sealed by another secret or for another key, or has been changed */
  open(sealed: string, identity: KeyIdentity): string
}

/** @param secretKey the setting SECRET_KEY */
export function createSealer(secretKey: string): Sealer {
  const derive = (version: string) =>
    Buffer.from(hkdfSync('sha256', secretKey, '', `postern signing-key sealing ${version}`, 32))
  const key = derive('v2')
  const formerKey = derive('v1')

  return {
    seal(privateKey, identity) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(encode(identity))
      const encrypted = Buffer.concat([cipher.update(privateKey, 'utf8'), cipher.final()])
      return VERSION + Buffer.concat([nonce, cipher.getAuthTag(), encrypted]).toString('base64url')
    },

    open(sealed, identity) {
      if (sealed.startsWith(VERSION)) return decrypt(sealed.slice(VERSION.length), key, encode(identity))
      // Sealed before the algorithm and the public key were included.
      return decrypt(sealed, formerKey, Buffer.from(identity.kid))
    },
  }
}

function encode({ kid, algorithm, publicKey }: KeyIdentity): Buffer {
  return Buffer.from(JSON.stringify([kid, algorithm, publicKey]))
}

function decrypt(sealed: string, key: Buffer, identity: Buffer): string {
  const bytes = Buffer.from(sealed, 'base64url')
  const nonce = bytes.subarray(0, NONCE_BYTES)
  const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(identity)
    .setAuthTag(tag)
  const encrypted = bytes.subarray(NONCE_BYTES + TAG_BYTES)
  return Buffer.concat([decipher.update(encrypted), decipher.final()]).toString('utf8')
}
