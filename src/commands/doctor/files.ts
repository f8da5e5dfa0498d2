import { existsSync, statfsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type ExposedFile, exposedFiles, secretFiles } from '../../settings/exposed-files.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Free bytes: below the first, writes will soon fail; below the second, the database has no room to grow. */
const FULL = 100_000_000
const NEARLY_FULL = 1_000_000_000

/** Type numbers of network file systems, on which the write-ahead log does not work (https://sqlite.org/wal.html). */
const NETWORK_FILE_SYSTEMS: Record<number, string> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB2',
}

/** @param database path of the SQLite file; null if there is none */
export function checkPermissions(database: string | null): Finding[] {
  if (process.platform === 'win32') return [ok('not checked on Windows')]
  const files = secretFiles(database)
  const findings = exposedFiles(files).map(describe)
  return findings.length > 0 || files.length === 0
    ? findings
    : [ok(`readable only by their owner: ${files.join(', ')}`)]
}

function describe({ path, mode, to }: ExposedFile): Finding {
  const detail = `${path} has mode ${mode}`
  const remedy = `chmod 600 ${path}`
  return to === 'everyone'
    ? fail(`${detail}: every user of this machine can access its secrets`, remedy)
    : warn(`${detail}: its group can access its secrets`, remedy)
}

/** @param database path of the SQLite file */
export function checkDisk(database: string): Finding[] {
  const directory = nearestDirectory(dirname(resolve(database)))
  const { bavail, bsize, type } = statfsSync(directory)
  const free = bavail * bsize
  const size = existsSync(database) ? statSync(database).size : 0
  const detail = `${gigabytes(free)} free in ${directory}, the database takes ${gigabytes(size)}`
  const network = NETWORK_FILE_SYSTEMS[type]
  return [
    ...(network === undefined
      ? []
      : [
          fail(
            `${directory} is on ${network}, where SQLite’s write-ahead log does not work`,
            'Move the database to a local disk, or use PostgreSQL.',
          ),
        ]),
    free < FULL
      ? fail(detail, 'Free disk space: logins and logouts fail when the disk is full.')
      : free < Math.max(NEARLY_FULL, size)
        ? warn(detail, 'Free disk space: a backup onto this disk takes as much as the database.')
        : ok(detail),
  ]
}

function nearestDirectory(path: string): string {
  return existsSync(path) ? path : nearestDirectory(dirname(path))
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toPrecision(3)} GB`
}
