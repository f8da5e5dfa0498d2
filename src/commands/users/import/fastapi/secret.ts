import { isSecretKey } from '../../../../settings/options.ts'
import type { Context } from '../../../context.ts'

/** The example in the FastAPI documentation, which many apps have copied. */
const PUBLIC_SECRET = '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7'

/**
 * The secret that a FastAPI app signs its tokens with.
 *
 * @throws if that would not be safe
 */
export function fastapiSecret({ secretKey }: Pick<Context, 'secretKey'>): string {
  const secret = process.env['FASTAPI_SECRET_KEY'] ?? secretKey
  if (!isSecretKey(secret)) {
    throw new Error(
      'The SECRET_KEY of these tokens has less than 32 bytes: it could be guessed, and tokens be forged. ' +
        'They cannot be accepted: users must log in again.',
    )
  }
  if (secret.toLowerCase() === PUBLIC_SECRET) {
    throw new Error(
      'The SECRET_KEY of these tokens is the one in the documentation of FastAPI: anybody can forge them. ' +
        'They cannot be accepted: users must log in again.',
    )
  }
  return secret
}
