import { databasePath, type SigningKeyRow } from '../../../drizzle/index.ts'
import { WrongSecretKeyError } from '../../../plugins/signing-keys/index.ts'
import { createKeyLifecycle, isLive } from '../../../plugins/signing-keys/lifecycle.ts'
import { createSealer, type Sealer } from '../../../plugins/signing-keys/sealing.ts'
import { isSecretKey } from '../../settings/options.ts'
import { InvalidOptionsError } from '../../settings/parse.ts'
import { replaceKeptSecretKey } from '../../settings/secret-key.ts'
import type { Context } from '../context.ts'

/**
 * Seals the private keys under a new secret. It may be run again after an interruption: what is sealed anew already stays so.
 *
 * @throws InvalidOptionsError, WrongSecretKeyError
 */
export async function reseal(context: Context): Promise<void> {
  const given = process.env['NEW_SECRET_KEY']
  if (given !== undefined && !isSecretKey(given)) {
    throw new InvalidOptionsError('NEW_SECRET_KEY must be a text of 32 bytes or more')
  }
  const path = databasePath(context.config.databaseUrl)
  if (context.config.secretKey !== undefined || path === null) {
    if (given === undefined) throw new InvalidOptionsError('NEW_SECRET_KEY must be set, since SECRET_KEY is')
    await resealAll(context, given)
    console.log('The keys are sealed under NEW_SECRET_KEY. Start the service with it as SECRET_KEY.')
  } else {
    await replaceKeptSecretKey(path, given, (secretKey) => resealAll(context, secretKey))
    console.log(
      'The keys are sealed under a new secret, which has taken the place of the old one. Start the service again.',
    )
  }
}

async function resealAll(
  { config, database, secretKey, audit }: Context,
  newSecretKey: string,
): Promise<void> {
  const { signingKeys } = database
  const from = createSealer(secretKey)
  const to = createSealer(newSecretKey)
  const now = new Date()
  const keys = (await signingKeys.list()).filter((key) => isLive(key, now))
  // All are opened before one is changed.
  const privateKeys = keys.map((key) => tryOpen(from, key) ?? tryOpen(to, key))
  if (privateKeys.includes(undefined)) throw new WrongSecretKeyError()
  for (const [index, { kid }] of keys.entries()) {
    await signingKeys.reseal(kid, to.seal(privateKeys[index] ?? '', kid))
  }
  // The key of HS256 is the secret itself, so a new secret is a new key.
  if (config.algorithm === 'HS256') {
    for (const [index, { kid, algorithm, activatesAt }] of keys.entries()) {
      // One that waits to sign would bring the former secret back.
      const isFormer = algorithm === 'HS256' && activatesAt > now && privateKeys[index] !== newSecretKey
      if (!isFormer) continue
      await audit('sensitive_delete', { reason: 'signing_key', target: kid }, (event) =>
        signingKeys.retire(kid, now, event),
      )
    }
    const lifecycle = createKeyLifecycle({
      ...config,
      repository: signingKeys,
      audit,
      secretKey: newSecretKey,
    })
    await lifecycle.rotate()
  }
}

/**
 * Makes sure of SECRET_KEY before a key is sealed with it: the service could not open that key, and would no longer start.
 *
 * @throws WrongSecretKeyError
 */
export async function assertSecretKey({
  database,
  secretKey,
}: Pick<Context, 'database' | 'secretKey'>): Promise<void> {
  const sealer = createSealer(secretKey)
  const now = new Date()
  const keys = (await database.signingKeys.list()).filter((key) => isLive(key, now))
  if (keys.some((key) => tryOpen(sealer, key) === undefined)) throw new WrongSecretKeyError()
}

function tryOpen(sealer: Sealer, { kid, sealedPrivateKey }: SigningKeyRow): string | undefined {
  try {
    return sealer.open(sealedPrivateKey, kid)
  } catch {
    return undefined
  }
}
