import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { databasePath, isPostgresUrl } from '../../drizzle/index.ts'
import { isSecretKey } from './options.ts'
import { InvalidOptionsError } from './parse.ts'

/**
 * The secret of a deployment that does not set SECRET_KEY. It is stored in a file beside the SQLite database, created
 * with it, and only its owner can read it.
 *
 * @throws InvalidOptionsError if there is a database but no file, if the file is too short, or for PostgreSQL
 */
export function keptSecretKey(databaseUrl: string): string {
  if (isPostgresUrl(databaseUrl)) {
    throw new InvalidOptionsError('SECRET_KEY must be set with PostgreSQL: every instance needs the same one')
  }
  const database = databasePath(databaseUrl)
  if (database === null) return newSecretKey()
  const path = secretKeyPath(database)
  // Checked before the secret is read: a process that is creating both creates the secret first.
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
      `SECRET_KEY (secretKey) must be set, or ${path} restored: ` +
        `the database ${database} was created with a secret that is missing`,
    )
  }
  return create(path)
}

/** The path of the secret of a SQLite database. */
export function secretKeyPath(database: string): string {
  return `${database}.secret`
}

/** Creates a random secret of 256 bits. */
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

/** Creates the file atomically, unless it exists: of two processes that start together, the second uses the first's. */
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
 * Replaces the stored secret. The new one is stored beside it while `change` runs, so that a call after an interruption
 * continues with the same secret.
 *
 * @param database the path of the SQLite file
 * @param given the new secret; undefined for a random one
 * @param change seals everything with the new secret
 * @throws InvalidOptionsError if an interrupted call was given another secret
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
      `NEW_SECRET_KEY must be the one of the interrupted attempt, which is in ${next}, or must not be set`,
    )
  }
  await change(secretKey)
  renameSync(next, path)
}
