import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { Algorithm } from './algorithms.ts'

const generateAsymmetric = promisify(generateKeyPair) as (
  type: string,
  options: object,
) => Promise<{ publicKey: string; privateKey: string }>

const encodings = {
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}

/** Generates the material of a key. That of HS256 is SECRET_KEY, which other services may share. */
export async function generateKey(
  algorithm: Algorithm,
  secretKey: string,
): Promise<{ publicKey: string | null; privateKey: string }> {
  switch (algorithm) {
    case 'ES256':
      return await generateAsymmetric('ec', { namedCurve: 'P-256', ...encodings })
    case 'EdDSA':
      return await generateAsymmetric('ed25519', encodings)
    case 'RS256':
      return await generateAsymmetric('rsa', { modulusLength: 3072, ...encodings })
    case 'HS256':
      return { publicKey: null, privateKey: secretKey }
  }
}
