import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { databasePath, isPostgresUrl } from '../../drizzle/index.ts'
import { isSecretKey } from './options.ts'
import { InvalidOptionsError } from './parse.ts'

/**
 * The secret of a deployment that sets none: kept in a file beside the database, which only its owner can read, and made
 * with the database.
 *
 * @throws InvalidOptionsError where there is a database, but no file, or one that holds too little; and for a server
 */
export function keptSecretKey(databaseUrl: string): string {
  if (isPostgresUrl(databaseUrl)) {
    throw new InvalidOptionsError('SECRET_KEY must be set with PostgreSQL: every instance needs the same one')
  }
  const database = databasePath(databaseUrl)
  if (database === null) return newSecretKey()
  const path = secretKeyPath(database)
  // Asked first: whoever makes both at this moment makes the secret first.
  const databaseExists = existsSync(database)
  const secretKey = read(path)
  if (secretKey !== undefined) {
    if (isSecretKey(secretKey)) return secretKey
    throw new InvalidOptionsError(
      `${path} is too short to hold a secret: restore it, or set SECRET_KEY (secretKey)`,
    )
  }
  if (databaseExists) {
    throw new InvalidOptionsError(
      `SECRET_KEY (secretKey) must be set, or ${path} restored: the database ${database} was made with a secret that is not here`,
    )
  }
  return create(path)
}

/** Where the secret of a SQLite database is kept. */
export function secretKeyPath(database: string): string {
  return `${database}.secret`
}

/** A random secret of 256 bits. */
export function newSecretKey(): string {
  return randomBytes(32).toString('base64url')
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Appears whole or not at all, and once: of two processes that start at the same moment one loses, and reads the other's. */
function create(path: string, secretKey = newSecretKey()): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(draft, `${secretKey}\n`, { mode: 0o600, flush: true, flag: 'wx' })
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
  return readFileSync(path, 'utf8').trim()
}

/**
 * Puts another secret into the place of the kept one. It lies beside it while `change` runs, so that after an interruption a
 * further call goes on with the same.
 *
 * @param database path of the SQLite file
 * @param given the new secret; undefined for a random one
 * @param change seals everything under the new secret
 * @throws InvalidOptionsError where an interrupted call was given another secret
 */
export async function replaceKeptSecretKey(
  database: string,
  given: string | undefined,
  change: (secretKey: string) => Promise<void>,
): Promise<void> {
  const path = secretKeyPath(database)
  const next = `${path}.new`
  const secretKey = create(next, given)
  if (given !== undefined && secretKey !== given) {
    throw new InvalidOptionsError(
      `NEW_SECRET_KEY must be the one of the interrupted attempt, which is in ${next}, or unset`,
    )
  }
  await change(secretKey)
  renameSync(next, path)
}
