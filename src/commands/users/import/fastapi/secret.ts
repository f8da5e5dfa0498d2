import { isSecretKey } from '../../../../settings/options.ts'
import type { Context } from '../../../context.ts'

const MINUTE = 60_000
const DAY = 86_400_000

/** The one that the FastAPI documentation shows, and that everybody has who has ever followed it. */
const PUBLIC_SECRET = '09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7'

/**
 * The secret that a FastAPI application signs its tokens with.
 *
 * @param minutes for how long tokens are to be accepted by it
 * @throws where they must not be
 */
export function fastapiSecret({ config, secretKey }: Context, minutes: number): string {
  const secret = process.env['FASTAPI_SECRET_KEY'] ?? secretKey
  if (!isSecretKey(secret)) {
    throw new Error(
      'The SECRET_KEY of these tokens has less than 32 bytes, so that it can be guessed and tokens forged. They cannot be accepted: let people log in anew.',
    )
  }
  if (secret.toLowerCase() === PUBLIC_SECRET) {
    throw new Error(
      'The SECRET_KEY of these tokens is the one in the documentation of FastAPI, so that anybody can forge them. They cannot be accepted: let people log in anew.',
    )
  }
  // The audit trail says who was deleted here, and whose tokens must therefore stay refused.
  if (minutes * MINUTE > config.auditRetentionDays * DAY) {
    throw new Error('AUDIT_RETENTION_DAYS must be at least as long as these tokens live.')
  }
  return secret
}
