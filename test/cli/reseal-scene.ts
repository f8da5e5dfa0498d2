import type { Test } from 'tap'
import { createSealer } from '../../plugins/signing-keys/sealing.ts'
import { type CliOptions, posternJson } from '../cli.ts'
import { stealKeys } from '../forge.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, startServer } from '../server-process.ts'
import type { Beside } from '../shared-database.ts'

export const NEW = 'the secret to come, of 32 bytes or more'

/**
 * Lets the service issue a token, and stops it.
 *
 * @param keys how many keys to create: one that signs, and the next one
 */
export async function issueToken(t: Test, options: CliOptions, { keys = 2 } = {}): Promise<string> {
  const server = await startServer(t, options)
  await postJson(`${server.address}/register`, ada)
  const token = await logInAt(server.address, ada)
  await server.stop()
  if (keys > 1) await posternJson(['keys', 'rotate'], options)
  return token
}

/** Whether a secret opens every key in the database. */
export async function opensAll(db: Beside, secret: string): Promise<boolean> {
  try {
    return (await stealKeys(db, secret)).length >= 2
  } catch {
    return false
  }
}

/** Leaves the database as after an interruption: with one of two keys sealed with the new secret. */
export async function sealFirstKey(db: Beside, from: string, to: string): Promise<void> {
  const [key] = await stealKeys(db, from)
  if (!key) throw new Error('There is no key')
  const sealed = createSealer(to).seal(key.privateKey, key)
  await db.run('update signing_keys set sealed_private_key = ? where kid = ?', sealed, key.kid)
}

/** Asserts that the service starts, accepts an earlier token, and issues others. */
export async function assertServes(t: Test, options: CliOptions, token: string): Promise<void> {
  const { address, stop } = await startServer(t, options)
  for (const each of [token, await logInAt(address, ada)]) {
    t.equal((await fetch(`${address}/getUser`, { headers: bearer(each) })).status, 200)
  }
  await stop()
}
