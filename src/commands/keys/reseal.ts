import { databasePath, type SigningKeyRow } from '../../../drizzle/index.ts'
import { createKeyLifecycle, isLive } from '../../../plugins/signing-keys/lifecycle.ts'
import { createSealer, type Sealer } from '../../../plugins/signing-keys/sealing.ts'
import { type OpenedKey, openKey, WrongSecretKeyError } from '../../../plugins/signing-keys/stored-key.ts'
import { isSecretKey } from '../../settings/options.ts'
import { InvalidOptionsError } from '../../settings/parse.ts'
import { replaceKeptSecretKey } from '../../settings/secret-key.ts'
import type { Context } from '../context.ts'

/**
 * Seals the private keys with a new secret. It can be run again after an interruption.
 *
 * @throws InvalidOptionsError if NEW_SECRET_KEY is missing or too short
 * @throws WrongSecretKeyError if the current secret does not open the keys
 */
export async function reseal(context: Context): Promise<void> {
  const given = process.env['NEW_SECRET_KEY']
  if (given !== undefined && !isSecretKey(given)) {
    throw new InvalidOptionsError('NEW_SECRET_KEY must be a text of 32 bytes or more')
  }
  const path = databasePath(context.config.databaseUrl)
  if (context.config.secretKey !== undefined || path === null) {
    if (given === undefined)
      throw new InvalidOptionsError('NEW_SECRET_KEY must be set, because SECRET_KEY is set')
    await resealAll(context, given)
    console.log('The keys are sealed with NEW_SECRET_KEY now. Start the service with it as SECRET_KEY.')
  } else {
    await replaceKeptSecretKey(path, given, (secretKey) => resealAll(context, secretKey))
    console.log(
      'The keys are sealed with a new secret now, which has replaced the old one. Start the service again.',
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
  const keys = await signingKeys.list()
  // Opens all keys before it changes one. Those that are retired may be sealed with a secret of long ago.
  const opened = new Map(keys.map((key) => [key.kid, tryOpen(from, key) ?? tryOpen(to, key)]))
  if (keys.some((key) => isLive(key, now) && !opened.get(key.kid))) throw new WrongSecretKeyError()
  for (const [kid, key] of opened) if (key) await signingKeys.reseal(kid, to.seal(key.privateKey, key))
  // The HS256 key is the secret, so a new secret is a new key.
  if (config.algorithm === 'HS256') {
    for (const { kid, algorithm, activatesAt, ...key } of keys) {
      // A key that waits to sign would bring the former secret back.
      const isWaiting = algorithm === 'HS256' && activatesAt > now && isLive(key, now)
      if (!isWaiting || opened.get(kid)?.privateKey === newSecretKey) continue
      await audit('sensitive_delete', { reason: 'signing_key', target: kid }, (event) =>
        signingKeys.retire(kid, event),
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
 * Checks the secret before a key is sealed with it: with a wrong one, the service would no longer start.
 *
 * @throws WrongSecretKeyError if it does not open the keys
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

function tryOpen(sealer: Sealer, key: SigningKeyRow): OpenedKey | undefined {
  try {
    return openKey(sealer, key)
  } catch {
    return undefined
  }
}
