import { setTimeout as sleep } from 'node:timers/promises'
import type { Queries } from '../repositories/repository.ts'
import type { Writer } from './writer.ts'

/** Milliseconds for which a write is tried again. */
const PATIENCE = 1000
/** Milliseconds between two attempts. */
const PAUSE = 10

/** Another transaction has to end first. */
class BusyError extends Error {
  override readonly name = 'BusyError'
  readonly code = 'SQLITE_BUSY'
}

/**
 * Asserts that what is now committed on a handle cannot be rolled back as a part of a host app's transaction.
 *
 * @throws BusyError
 */
export function assertNoTransaction(handle: { readonly inTransaction: boolean }): void {
  if (handle.inTransaction) throw new BusyError('the host app has an open transaction')
}

/**
 * Tries an action again while the database is busy with another transaction. It waits between attempts and so does not
 * block the event loop, on which a host app has to end its transaction.
 *
 * @param action is atomic: if it fails, nothing was written
 * @throws BusyError, or what else the action throws
 */
export async function retryWhileBusy<T>(action: () => T | Promise<T>): Promise<T> {
  const end = performance.now() + PATIENCE
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (!isBusy(error)) throw error
      if (performance.now() > end) throw new BusyError('another transaction did not end', { cause: error })
    }
    await sleep(PAUSE)
  }
}

/**
 * Runs each write again while it is busy.
 *
 * @param assertReady called before each attempt; throws if the write cannot run now
 */
export function createPatientWriter(assertReady: () => void): Pick<Writer, 'move'> {
  return {
    move(_repository, writes) {
      const patient = Object.entries(writes).map(([method, write]) => [
        method,
        (...parameters: never[]) =>
          retryWhileBusy(() => {
            assertReady()
            return write(...parameters)
          }),
      ])
      return Object.fromEntries(patient) as Queries
    },
  }
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, message } = error as { code?: unknown; message: string }
  // Not an error of SQLite: better-sqlite3 runs no write on a handle on which an iterator is open.
  return /^SQLITE_(BUSY|LOCKED)/.test(String(code)) || message.includes('busy executing a query')
}
