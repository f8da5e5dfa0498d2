import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import SqliteDriver from 'better-sqlite3'

/** Milliseconds to wait for whoever holds the file for himself, as at a service's first start. */
const BUSY_TIMEOUT = 5000

/** What a backup has. */
export interface SqliteBackup {
  accounts: number
  bytes: number
}

/**
 * Copies a SQLite file as it is at this moment, whoever writes into it meanwhile. The copy is on the disk when this returns; only its
 * owner can read it; and it is whole and free of damage, or not there.
 *
 * @param path of the database, which is neither brought up to date nor changed
 * @param file which must not be there yet
 */
export function backUpSqlite(path: string, file: string): SqliteBackup {
  if (existsSync(file)) throw existing(file)
  const draft = `${file}.${randomBytes(4).toString('hex')}.part`
  closeSync(openSync(draft, 'wx', 0o600))
  try {
    vacuumInto(path, draft)
    const accounts = check(draft)
    sync(draft)
    publish(draft, file)
    sync(dirname(file))
    return { accounts, bytes: statSync(file).size }
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Reads in one transaction, and needs no place besides the copy's (https://sqlite.org/lang_vacuum.html#vacuuminto). */
function vacuumInto(path: string, draft: string): void {
  // Not read-only: such a connection leaves an empty write-ahead log behind where it is the last one.
  const handle = new SqliteDriver(path, { fileMustExist: true, timeout: BUSY_TIMEOUT })
  try {
    handle.prepare('vacuum into ?').run(draft)
  } finally {
    handle.close()
  }
}

/** @returns how many accounts there are */
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

/** Where a file has appeared under the name meanwhile, that one stays. */
function publish(draft: string, file: string): void {
  try {
    linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' || existsSync(file)) throw existing(file)
    // A file system without links.
    renameSync(draft, file)
  }
}

function existing(file: string): Error {
  return new Error(`${file} is there already, and was left as it is.`)
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } catch (error) {
    // Windows flushes no directory.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  } finally {
    closeSync(descriptor)
  }
}
