import type SqliteDriver from 'better-sqlite3'
import type { Database as SqliteHandle } from 'better-sqlite3'
import type { Connection } from '../connection.ts'
import { createConnection, setDurable } from './client.ts'
import { migrateSqlite } from './migrate.ts'
import { assertNoTransaction, createPatientWriter, retryWhileBusy } from './retry-busy.ts'

/** Milliseconds for which the event loop waits for a lock: for another process's, which may be about to commit. */
const BUSY_TIMEOUT = 100

/**
 * Opens a connection of Postern's own to the file of a host app's handle. On the handle itself, Postern's writes would
 * be part of a transaction that the host has open, and the host could still roll them back; and its reads would see no
 * change until the host has read to the end.
 *
 * A database in memory has only the one handle. There, writes wait until the host's transaction has ended.
 *
 * @param handle opened by better-sqlite3; it stays as it is configured and is not closed
 * @param prefix the prefix of the tables
 * @param migrate whether to bring the tables up to date
 * @throws NewerDatabaseError
 */
export async function connectHost(
  handle: SqliteHandle,
  prefix: string,
  migrate: boolean,
): Promise<Connection> {
  const path = fileOf(handle)
  const own = path === '' ? handle : openBeside(handle, path)
  const close = async () => {
    if (own !== handle) own.close()
  }
  try {
    if (migrate) await migrateAfterHost(handle, own, prefix)
    const connection = createConnection(own, prefix, close)
    const { principals, ping } = connection
    // Where the host has closed its database, it is closed for Postern too.
    const follow = () => void (handle.open || own.close())
    return {
      ...connection,
      principals: {
        load(slots) {
          follow()
          return principals.load(slots)
        },
      },
      async ping() {
        follow()
        await ping()
      },
      writer: createPatientWriter(() => {
        follow()
        assertNoTransaction(handle)
      }),
      isDurable: connection.isDurable && isSynced(handle),
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The absolute path of a handle's file; empty if the database is in memory. */
function fileOf(handle: SqliteHandle): string {
  const databases = handle.pragma('database_list') as { name: string; file: string | null }[]
  return databases.find(({ name }) => name === 'main')?.file ?? ''
}

function openBeside(handle: SqliteHandle, path: string): SqliteHandle {
  const Driver = driverOf(handle)
  let own: SqliteHandle | undefined
  try {
    own = new Driver(path, { timeout: BUSY_TIMEOUT, fileMustExist: true })
    // Not of the file but of the connection: the host's tables may refer to users.
    own.pragma(`foreign_keys = ${handle.pragma('foreign_keys', { simple: true })}`)
    setDurable(own)
    own.prepare('select count(*) from sqlite_schema').get()
    return own
  } catch (error) {
    own?.close()
    const { message } = error as Error
    throw new Error(`database: Postern needs a connection of its own to ${path}, and got none: ${message}`, {
      cause: error,
    })
  }
}

/**
 * The class that opened a handle, below those that a host derives from it. Not ours: with two copies of SQLite in one
 * process, one would drop the other's locks of the file (https://sqlite.org/howtocorrupt.html section 2.2.1).
 */
function driverOf(handle: SqliteHandle): typeof SqliteDriver {
  let prototype = Object.getPrototypeOf(handle)
  while (Object.getPrototypeOf(prototype) !== Object.prototype) prototype = Object.getPrototypeOf(prototype)
  return prototype.constructor
}

async function migrateAfterHost(handle: SqliteHandle, own: SqliteHandle, prefix: string): Promise<void> {
  await retryWhileBusy(() => {
    assertNoTransaction(handle)
    migrateSqlite(own, prefix)
  })
}

/** Whether the host's checkpoints, which move Postern's writes from the write-ahead log too, wait for the disk. */
function isSynced(handle: SqliteHandle): boolean {
  return handle.memory || Number(handle.pragma('synchronous', { simple: true })) >= 1
}
