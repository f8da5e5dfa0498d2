import { availableParallelism } from 'node:os'

/** Milliseconds that somebody may have to wait for his turn. Whoever would wait longer is sent away at once. */
const MAX_WAIT = 3000

/** How much the latest duration counts in the running mean. */
const WEIGHT = 0.1

/** There is more to do than can be done in time. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError'
}

/** Whoever asked has gone. */
export class AbandonedError extends Error {
  override readonly name = 'AbandonedError'
}

interface Job {
  start(): void
  isAbandoned(): boolean
  reject(error: Error): void
}

/**
 * Lets as many hashes run at once as there are cores: more would bring no more of them to an end, and would take the event loop's
 * turns. The others wait in line for as long as is bearable.
 */
export class HashQueue {
  readonly #concurrency = availableParallelism()
  #waiting: Job[] = []
  #running = 0
  #duration: number

  /** @param duration milliseconds that a hash takes, until that is known better */
  constructor(duration: number) {
    this.#duration = duration
  }

  /** Milliseconds until a hash that is asked for now can begin. */
  get expectedWait(): number {
    const before = this.#running + this.#waiting.length + 1 - this.#concurrency
    return Math.max(0, before / this.#concurrency) * this.#duration
  }

  /**
   * Hashes when it is its turn.
   *
   * @param hash runs off the event loop
   * @param isAbandoned whether whoever asked has gone; looked at when it is its turn
   * @throws OverloadedError at once, AbandonedError
   */
  run<T>(hash: () => Promise<T>, isAbandoned: () => boolean = () => false): Promise<T> {
    if (this.expectedWait > MAX_WAIT) return Promise.reject(new OverloadedError())
    return new Promise((resolve, reject) => {
      const start = () => this.#run(hash).then(resolve, reject)
      this.#waiting.push({ start, isAbandoned, reject })
      this.#next()
    })
  }

  #next(): void {
    while (this.#running < this.#concurrency) {
      const job = this.#waiting.shift()
      if (!job) return
      if (job.isAbandoned()) job.reject(new AbandonedError())
      else job.start()
    }
  }

  async #run<T>(hash: () => Promise<T>): Promise<T> {
    this.#running += 1
    const begun = performance.now()
    try {
      return await hash()
    } finally {
      this.#duration += WEIGHT * (performance.now() - begun - this.#duration)
      this.#running -= 1
      this.#next()
    }
  }
}
