import { readdir, readFile } from 'node:fs/promises'
import { availableParallelism, setPriority } from 'node:os'

/** libuv's own number of threads, which does for as many cores. */
const USUAL_SIZE = 4
/** Threads for everything else, such as a host's name that is to be looked up: it must not wait until somebody's hash is done. */
const SPARE = 1
/** A tenth of the event loop's share, where both want the same core. With nothing else to do, hashes get all of it. */
const NICE = 10
const THREADS = '/proc/self/task'

/**
 * Fits libuv's threads, which passwords are hashed on, to their work: one for each core, and each behind the event loop where they
 * share a core. A process may have one such pool, so this is for a process of Postern's own, and before anything has used the pool.
 *
 * Threads have priorities of their own on Linux alone. Where there are none, or a sandbox forbids to change them, hashing for
 * logins costs checks some milliseconds, and nothing else.
 */
export async function fitThreadPool(): Promise<void> {
  process.env['UV_THREADPOOL_SIZE'] ||= String(Math.max(USUAL_SIZE, availableParallelism() + SPARE))
  if (process.platform !== 'linux') return
  try {
    // This very read starts all of the threads.
    for (const thread of await readdir(THREADS)) {
      const name = await readFile(`${THREADS}/${thread}/comm`, 'utf8')
      if (name === 'libuv-worker\n') setPriority(Number(thread), NICE)
    }
  } catch {
    // As said above.
  }
}
