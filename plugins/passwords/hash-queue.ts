import { availableParallelism } from 'node:os'
import { Durations } from '../metrics/durations.ts'

/** Milliseconds that somebody may expect to wait for his turn. Whoever would wait longer is sent away at once. */
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
  /** By `performance.now()`. */
  since: number
  start(): void
  isAbandoned(): boolean
  reject(error: Error): void
}

/** For whom a hash is made. */
export interface HashClient {
  /** Where it is from: each origin waits in a line of its own. */
  origin?: string | undefined
  /** Whether it has gone; looked at when it is its turn. */
  isAbandoned?: () => boolean
}

/**
 * Lets as many hashes run at once as there are cores: more would bring no more of them to an end, and would take the event loop's
 * turns. The others wait for as long as is bearable. The origins take turns, so that one with many hashes makes nobody wait but
 * itself.
 */
export class HashQueue {
  /** Hashes that may run at once. */
  readonly concurrency = availableParallelism()
  /** How long those waited whose turn has come. */
  readonly waits = new Durations()
  /** How many were sent away at once. */
  shed = 0
  /** How many had gone when their turn came. */
  abandoned = 0
  /** Whose turn is next stands first. */
  readonly #lines = new Map<string | undefined, Job[]>()
  #running = 0
  #duration: number

  /** @param duration milliseconds that a hash takes, until that is known better */
  constructor(duration: number) {
    this.#duration = duration
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.length, 0)
  }

  /** How many are being hashed. */
  get running(): number {
    return this.#running
  }

  /** Milliseconds until a hash can begin that an origin asks for now, if no other origin comes meanwhile. */
  expectedWait(origin?: string): number {
    const rounds = (this.#lines.get(origin)?.length ?? 0) + 1
    let before = this.#running - this.concurrency
    for (const [of, line] of this.#lines) if (of !== origin) before += Math.min(line.length, rounds)
    return Math.max(0, (before + rounds) / this.concurrency) * this.#duration
  }

  /**
   * Hashes when it is its turn.
   *
   * @param hash runs off the event loop
   * @throws OverloadedError at once, AbandonedError
   */
  run<T>(hash: () => Promise<T>, { origin, isAbandoned = () => false }: HashClient = {}): Promise<T> {
    if (this.expectedWait(origin) > MAX_WAIT) {
      this.shed += 1
      return Promise.reject(new OverloadedError())
    }
    return new Promise((resolve, reject) => {
      const start = () => this.#run(hash).then(resolve, reject)
      const line = this.#lines.get(origin) ?? []
      line.push({ since: performance.now(), start, isAbandoned, reject })
      this.#lines.set(origin, line)
      this.#next()
    })
  }

  #next(): void {
    while (this.#running < this.concurrency) {
      const job = this.#takeFirst()
      if (!job) return
      if (job.isAbandoned()) {
        this.abandoned += 1
        job.reject(new AbandonedError())
      } else {
        this.waits.observe((performance.now() - job.since) / 1000)
        job.start()
      }
    }
  }

  #takeFirst(): Job | undefined {
    const [first] = this.#lines
    if (!first) return undefined
    const [origin, line] = first
    const job = line.shift()
    this.#lines.delete(origin)
    if (line.length > 0) this.#lines.set(origin, line)
    return job
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
