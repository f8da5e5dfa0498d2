import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Queries } from '../repositories/repository.ts'

/** A method of a repository that is to be called in the writing thread. */
export interface Call {
  id: number
  repository: string
  method: string
  parameters: unknown[]
}

/** What came of a call. */
export type Answer = { id: number } & (
  | { result: unknown }
  | { error: { message: string; code: string | undefined } }
)

/** Who waits for an answer. */
type Waiter = PromiseWithResolvers<unknown>

/** A thread that writes to a file. */
export interface Writer {
  /** The writes of a repository, run by the thread. */
  move(repository: string, writes: Queries): Queries
  /** Ends the thread once it has made what it was told to. */
  close(): Promise<void>
}

/**
 * Lets another thread wait for the disk, and for the locks of other processes, so that no check ever does. The thread starts with
 * the first write, and goes on with the next one should it ever break down.
 *
 * @param path of the file, which has its tables already
 */
export function createWriter(path: string): Writer {
  const waiters = new Map<number, Waiter>()
  let worker: Worker | undefined
  let calls = 0
  let isClosing = false

  function start(): Worker {
    // Beside this file, which is TypeScript or has been built.
    const thread = new Worker(new URL(`writer-thread${extname(import.meta.url)}`, import.meta.url), {
      workerData: path,
      // What a host's process was started by is not for this.
      execArgv: [],
    })
    thread.on('message', settle)
    let cause: Error | undefined
    thread.on('error', (error) => {
      cause = error
    })
    // Not before it has ended: until then there is no other, whose calls these could be taken for.
    thread.on('exit', () => abandon(cause))
    return thread
  }

  function settle(answer: Answer): void {
    const waiter = waiters.get(answer.id)
    waiters.delete(answer.id)
    // A process with nothing else to do may end, but not before it knows what has been written.
    if (waiters.size === 0 && !isClosing) worker?.unref()
    if ('result' in answer) waiter?.resolve(answer.result)
    else waiter?.reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }))
  }

  function abandon(cause: Error | undefined): void {
    worker = undefined
    const abandoned = [...waiters.values()]
    waiters.clear()
    // Whether they were written is not known, as after a power cut.
    for (const { reject } of abandoned) {
      reject(
        Object.assign(new Error('the writing thread has broken down', { cause }), { code: 'SQLITE_IOERR' }),
      )
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
