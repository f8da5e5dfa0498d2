import { availableParallelism } from 'node:os'

/** The longest expected wait, in milliseconds. A hash that would wait longer is refused at once. */
const MAX_WAIT = 3000

/** The weight of the latest duration in the running mean. */
const WEIGHT = 0.1

/** The queue is too long: the hash would wait too long. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError'
}

/** The client disconnected before its turn. */
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

/** The client that waits for a hash. */
export interface HashClient {
  /** The client's network. Each origin has a queue of its own. */
  origin?: string | undefined
  /** Whether the client has disconnected; asked when it is its turn. */
  isAbandoned?: () => boolean
}

/** Is told what becomes of the hashes. */
export interface HashQueueListener {
  /** @param waited seconds until its turn */
  onStart?(waited: number): void
  /** A hash was refused because it would wait too long. */
  onShed?(): void
  /** The client had disconnected when its turn came. */
  onAbandoned?(): void
}

/**
 * Runs as many hashes at once as there are cores: more would not finish sooner, and would take time from the event
 * loop. The others wait. Origins take turns, so that one with many hashes delays only its own.
 */
export class HashQueue {
  /** How many hashes may run at once. */
  readonly concurrency = availableParallelism()
  /** By origin; the origin whose turn is next comes first. */
  readonly #queues = new Map<string | undefined, Job[]>()
  readonly #listener: HashQueueListener
  #running = 0
  #duration: number

  /** @param duration milliseconds that a hash takes, until that has been measured */
  constructor(duration: number, listener: HashQueueListener = {}) {
    this.#duration = duration
    this.#listener = listener
  }

  /** How many hashes wait for their turn. */
  get waiting(): number {
    return [...this.#queues.values()].reduce((sum, jobs) => sum + jobs.length, 0)
  }

  /** How many hashes run. */
  get running(): number {
    return this.#running
  }

  /** Milliseconds until a hash that an origin asks for now can start, if no other origin comes before. */
  expectedWait(origin?: string): number {
    const rounds = (this.#queues.get(origin)?.length ?? 0) + 1
    let before = this.#running - this.concurrency
    for (const [other, jobs] of this.#queues) {
      if (other !== origin) before += Math.min(jobs.length, rounds)
    }
    return Math.max(0, (before + rounds) / this.concurrency) * this.#duration
  }

  /**
   * Runs a hash when it is its turn.
   *
   * @param hash runs off the event loop
   * @throws OverloadedError at once, AbandonedError
   */
  run<T>(hash: () => Promise<T>, { origin, isAbandoned = () => false }: HashClient = {}): Promise<T> {
    if (this.expectedWait(origin) > MAX_WAIT) {
      this.#listener.onShed?.()
      return Promise.reject(new OverloadedError())
    }
    return new Promise((resolve, reject) => {
      const start = () => this.#run(hash).then(resolve, reject)
      const jobs = this.#queues.get(origin) ?? []
      jobs.push({ since: performance.now(), start, isAbandoned, reject })
      this.#queues.set(origin, jobs)
      this.#next()
    })
  }

  #next(): void {
    while (this.#running < this.concurrency) {
      const job = this.#takeFirst()
      if (!job) return
      if (job.isAbandoned()) {
        this.#listener.onAbandoned?.()
        job.reject(new AbandonedError())
      } else {
        this.#listener.onStart?.((performance.now() - job.since) / 1000)
        job.start()
      }
    }
  }

  #takeFirst(): Job | undefined {
    const [first] = this.#queues
    if (!first) return undefined
    const [origin, jobs] = first
    const job = jobs.shift()
    this.#queues.delete(origin)
    if (jobs.length > 0) this.#queues.set(origin, jobs)
    return job
  }

  async #run<T>(hash: () => Promise<T>): Promise<T> {
    this.#running += 1
    const started = performance.now()
    try {
      return await hash()
    } finally {
      this.#duration += WEIGHT * (performance.now() - started - this.#duration)
      this.#running -= 1
      this.#next()
    }
  }
}
