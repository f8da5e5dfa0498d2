import { existsSync, readFileSync, statSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { secretKeyPath } from './secret-key.ts'

/** A file with secrets that not only its owner can read or change. */
export interface ExposedFile {
  path: string
  /** As for `chmod`, in octal. */
  mode: string
  /** Who else can. */
  to: 'group' | 'everyone'
}

/**
 * The existing files of a deployment that hold secrets.
 *
 * @param database path of the SQLite file; null if there is none
 */
export function secretFiles(database: string | null): string[] {
  const databaseFiles = database === null ? [] : ['', '-wal', '-shm'].map((suffix) => database + suffix)
  const secrets = database === null ? [] : [secretKeyPath(database), `${secretKeyPath(database)}.new`]
  return [...databaseFiles, ...secrets, ...(holdsSecret('.env') ? ['.env'] : [])].filter(existsSync)
}

/** Those of some files that others can read or change. On Windows modes say nothing. */
export function exposedFiles(paths: string[]): ExposedFile[] {
  if (process.platform === 'win32') return []
  return paths.flatMap((path): ExposedFile[] => {
    const bits = statSync(path).mode & 0o777
    const mode = bits.toString(8).padStart(4, '0')
    if (bits & 0o007) return [{ path, mode, to: 'everyone' }]
    return bits & 0o070 ? [{ path, mode, to: 'group' }] : []
  })
}

function holdsSecret(path: string): boolean {
  try {
    const { SECRET_KEY, NEW_SECRET_KEY, DATABASE_URL = '' } = parseEnv(readFileSync(path, 'utf8'))
    return Boolean(SECRET_KEY ?? NEW_SECRET_KEY) || /:\/\/[^/@]*:[^/@]*@/.test(DATABASE_URL)
  } catch {
    return false
  }
}
