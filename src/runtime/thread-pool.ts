import { readdir, readFile } from 'node:fs/promises'
import { availableParallelism, setPriority } from 'node:os'

/** libuv's default, and the least number of threads. */
const DEFAULT_SIZE = 4
/** Threads for everything else, such as DNS lookups, which must not wait until a hash is done. */
const SPARE = 1
/** Gives hashing a tenth of a core that the event loop also needs, and all of a core that is idle. */
const NICE = 10
const THREADS = '/proc/self/task'

/**
 * Sets up libuv's thread pool for hashing passwords: one thread per core, with a lower priority than the event loop. It
 * affects the whole process, so only Postern's own programs call it, before anything uses the pool.
 *
 * Only Linux has priorities per thread. Without them, or in a sandbox that forbids to change them, checks take a few
 * milliseconds longer while passwords are hashed.
 */
export async function fitThreadPool(): Promise<void> {
  process.env['UV_THREADPOOL_SIZE'] ||= String(Math.max(DEFAULT_SIZE, availableParallelism() + SPARE))
  if (process.platform !== 'linux') return
  try {
    // This read starts all threads of the pool.
    for (const thread of await readdir(THREADS)) {
      const name = await readFile(`${THREADS}/${thread}/comm`, 'utf8')
      if (name === 'libuv-worker\n') setPriority(Number(thread), NICE)
    }
  } catch {
    // A sandbox may forbid it, as described above.
  }
}
