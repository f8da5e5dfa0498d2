import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { SigningKeyRow } from '../../drizzle/index.ts'
import type { Algorithm } from './algorithms.ts'
import { FASTAPI_ALGORITHM, isFastapiKid } from './fastapi.ts'
import type { KeyIdentity, Sealer } from './sealing.ts'

/** SECRET_KEY does not open the stored keys. */
export class WrongSecretKeyError extends Error {
  override readonly name = 'WrongSecretKeyError'

  constructor() {
    super(
      'SECRET_KEY is not the one that sealed the signing keys in this database. Start with the former one. ' +
        'If it is the right one, a key was changed in the database.',
    )
  }
}

/** A key as it was sealed. */
export interface OpenedKey extends KeyIdentity {
  /** PKCS #8 in PEM, or the symmetric key. */
  privateKey: string
}

/**
 * Opens a stored key. Its public key is derived from what was sealed: anyone who can write the database could exchange
 * the one in the column, and then sign tokens.
 *
 * @throws WrongSecretKeyError also if the columns do not belong to what was sealed
 */
export function openKey(
  sealer: Sealer,
  row: KeyIdentity & Pick<SigningKeyRow, 'sealedPrivateKey'>,
): OpenedKey {
  const { kid, algorithm } = row
  try {
    const privateKey = sealer.open(row.sealedPrivateKey, row)
    const publicKey = derivePublicKey(row, privateKey)
    if (!isSameKey(publicKey, row.publicKey)) throw new TypeError('The public key is another')
    return { kid, algorithm, publicKey, privateKey }
  } catch {
    throw new WrongSecretKeyError()
  }
}

/** The type of a private key for each algorithm; null for a symmetric one. */
const TYPES: Record<Algorithm | typeof FASTAPI_ALGORITHM, string | null> = {
  ES256: 'ec prime256v1',
  EdDSA: 'ed25519',
  RS256: 'rsa',
  HS256: null,
  [FASTAPI_ALGORITHM]: null,
}

/** @throws if the key is not one for its algorithm */
function derivePublicKey({ kid, algorithm }: KeyIdentity, privateKey: string): string | null {
  const type = TYPES[algorithm as Algorithm]
  if (type === undefined || isFastapiKid(kid) !== (algorithm === FASTAPI_ALGORITHM)) {
    throw new TypeError('The algorithm is another')
  }
  if (type === null) return null
  const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(privateKey)
  if ([asymmetricKeyType, asymmetricKeyDetails?.namedCurve].filter(Boolean).join(' ') !== type) {
    throw new TypeError('The algorithm is another')
  }
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString()
}

function isSameKey(derived: string | null, stored: string | null): boolean {
  if (derived === null || stored === null) return derived === stored
  return createPublicKey(derived).equals(createPublicKey(stored))
}
