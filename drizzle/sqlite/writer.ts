import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Queries } from '../repositories/repository.ts'

/** A call of a repository's method, sent to the writer thread. */
export interface Call {
  id: number
  repository: string
  method: string
  parameters: unknown[]
}

/** The result of a call. */
export type Answer = { id: number } & (
  | { result: unknown }
  | { error: { message: string; code: string | undefined } }
)

/** A thread that writes to a SQLite file. */
export interface Writer {
  /** Moves a repository's writes to the thread. @returns methods of the same names, which run there */
  move(repository: string, writes: Queries): Queries
  /** Ends the thread after all calls so far. */
  close(): Promise<void>
}

/**
 * Creates a writer thread, which waits for the disk and for other processes' locks, so that the event loop does not. It
 * starts with the first write. If it fails, the next write starts another.
 *
 * @param path the file, already migrated
 */
export function createWriter(path: string): Writer {
  const waiters = new Map<number, PromiseWithResolvers<unknown>>()
  let worker: Worker | undefined
  let calls = 0
  let isClosing = false

  function start(): Worker {
    // With the extension of this file: .ts from source, .js when built.
    const thread = new Worker(new URL(`writer-thread${extname(import.meta.url)}`, import.meta.url), {
      workerData: path,
      // Node.js options of a host app are not meant for this thread.
      execArgv: [],
    })
    thread.on('message', settle)
    let cause: Error | undefined
    thread.on('error', (error) => {
      cause = error
    })
    // Only when it has ended, so that no other thread is running whose calls would be rejected too.
    thread.on('exit', () => abandon(cause))
    return thread
  }

  function settle(answer: Answer): void {
    const waiter = waiters.get(answer.id)
    waiters.delete(answer.id)
    // The thread keeps the process alive only while there are calls.
    if (waiters.size === 0 && !isClosing) worker?.unref()
    if ('result' in answer) waiter?.resolve(answer.result)
    else waiter?.reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }))
  }

  function abandon(cause: Error | undefined): void {
    worker = undefined
    const abandoned = [...waiters.values()]
    waiters.clear()
    // Whether these were written is unknown, as after a power cut.
    for (const { reject } of abandoned) {
      reject(Object.assign(new Error('the writer thread failed', { cause }), { code: 'SQLITE_IOERR' }))
    }
  }

  function call(repository: string, method: string, parameters: unknown[]): Promise<unknown> {
    worker ??= start()
    worker.postMessage({ id: ++calls, repository, method, parameters } satisfies Call)
    worker.ref()
    const waiter = Promise.withResolvers<unknown>()
    waiters.set(calls, waiter)
    return waiter.promise
  }

  return {
    move(repository, writes) {
      const moved = Object.keys(writes).map((method) => [
        method,
        (...parameters: unknown[]) => call(repository, method, parameters),
      ])
      return Object.fromEntries(moved) as Queries
    },

    async close() {
      isClosing = true
      while (waiters.size > 0) await Promise.allSettled([...waiters.values()].map(({ promise }) => promise))
      if (!worker) return
      const thread = worker
      const exit = new Promise((resolve) => thread.once('exit', resolve))
      thread.ref()
      thread.postMessage('close')
      await exit
    },
  }
}
