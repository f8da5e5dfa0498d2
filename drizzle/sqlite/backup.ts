import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import SqliteDriver from 'better-sqlite3'

/** Milliseconds to wait while a process has locked the whole file, as a service does at its first start. */
const BUSY_TIMEOUT = 5000

/** A finished backup. */
export interface SqliteBackup {
  users: number
  bytes: number
}

/**
 * Copies a SQLite database as it is at this moment, even while it is written. The copy is on the disk when this
 * returns, and only its owner can read it. If anything fails, or the database is damaged, there is no copy.
 *
 * @param path the database's file, which is neither changed nor migrated
 * @param file the copy's file, which must not exist
 */
export function backUpSqlite(path: string, file: string): SqliteBackup {
  if (existsSync(file)) throw fileExists(file)
  const draft = `${file}.${randomBytes(4).toString('hex')}.part`
  closeSync(openSync(draft, 'wx', 0o600))
  try {
    vacuumInto(path, draft)
    const users = check(draft)
    sync(draft)
    publish(draft, file)
    sync(dirname(file))
    return { users, bytes: statSync(file).size }
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Reads in one transaction, and needs no space beyond the copy's (https://sqlite.org/lang_vacuum.html#vacuuminto). */
function vacuumInto(path: string, draft: string): void {
  // Not read-only: the last connection to close would leave an empty write-ahead log.
  const handle = new SqliteDriver(path, { fileMustExist: true, timeout: BUSY_TIMEOUT })
  try {
    handle.prepare('vacuum into ?').run(draft)
  } finally {
    handle.close()
  }
}

/** @returns the number of users */
function check(draft: string): number {
  const handle = new SqliteDriver(draft, { readonly: true, fileMustExist: true })
  try {
    const faults = handle.prepare('pragma quick_check').pluck().all()
    if (faults.join() !== 'ok') throw new Error(`The database is damaged: ${faults.slice(0, 3).join('; ')}`)
    return Number(handle.prepare('select count(*) from users').pluck().get())
  } finally {
    handle.close()
  }
}

/** Never replaces a file, even if one has appeared under the name since the backup began. */
function publish(draft: string, file: string): void {
  try {
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' || existsSync(file)) throw fileExists(file)
    // The file system has no hard links.
    renameSync(draft, file)
  }
}

function fileExists(file: string): Error {
  return new Error(`${file} already exists. It was left unchanged.`)
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } catch (error) {
    // Windows cannot flush a directory.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  } finally {
    closeSync(descriptor)
  }
}
