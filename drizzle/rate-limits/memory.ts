import {
  type RateLimitBackend,
  type RateLimitCount,
  type RateLimiterSettings,
  type RateLimitStore,
  waitAfter,
} from './limiter.ts'

/** The most keys of one limiter: some 30 MB, and more than the hashes that two cores compute in half a day. */
const MAX_KEYS = 100_000

/** The level of refused keys. The level of the others is the binary logarithm of their points. */
const REFUSED = 31

/** A count, in the queue of its level. */
interface Count {
  key: string
  points: number
  /** In milliseconds of the store's clock. */
  expiresAt: number
  /** The end of the wait after the latest point, by the same clock. */
  waitsUntil: number
  level: number
  previous?: Count | undefined
  next?: Count | undefined
}

/** Options for tests. */
export interface MemoryStoreOptions {
  maxKeys?: number
  /** Milliseconds that never go back, unlike the time of day. */
  clock?: () => number
}

/**
 * Stores a bounded number of counts in memory. If it is full, it forgets the oldest of those with the fewest points, so
 * that an attacker cannot reset a count that is near its limit by flooding it with keys.
 */
export class MemoryRateLimitStore implements RateLimitStore {
  readonly #counts = new Map<string, Count>()
  /** By level. A Map's order would not do: finding the first key gets slower with every deleted one before it. */
  readonly #queues = Array.from({ length: REFUSED + 1 }, () => new Queue())
  readonly #settings: RateLimiterSettings
  readonly #limit: number
  readonly #duration: number
  readonly #maxKeys: number
  readonly #clock: () => number

  constructor(settings: RateLimiterSettings, options: MemoryStoreOptions = {}) {
    this.#settings = settings
    this.#limit = settings.points
    this.#duration = settings.duration * 1000
    this.#maxKeys = options.maxKeys ?? MAX_KEYS
    this.#clock = options.clock ?? (() => performance.now())
  }

  /** How many keys it holds. */
  get size(): number {
    return this.#counts.size
  }

  async add(key: string, points: number): Promise<RateLimitCount> {
    return this.#put(key, points, this.#find(key))
  }

  recall(key: string): RateLimitCount | undefined {
    const count = this.#find(key)
    if (!count) return undefined
    return count.level === REFUSED ? this.#describe(count) : this.#refusal(count)
  }

  async delete(key: string): Promise<void> {
    this.#remove(this.#counts.get(key))
  }

  #find(key: string): Count | undefined {
    const now = this.#clock()
    for (const { first } of this.#queues) if (first && first.expiresAt <= now) this.#remove(first)
    const count = this.#counts.get(key)
    if (!count || count.expiresAt > now) return count
    this.#remove(count)
    return undefined
  }

  #put(key: string, change: number, current?: Count): RateLimitCount {
    const points = Math.max(0, (current?.points ?? 0) + change)
    if (current && points > this.#limit) return { ...this.#describe(current), points }
    const refusal = change > 0 && current && this.#refusal(current)
    if (refusal) return refusal
    this.#remove(current)
    const level = points >= this.#limit ? REFUSED : Math.floor(Math.log2(points))
    const expiresAt = current?.expiresAt ?? this.#clock() + this.#duration
    const wait = change > 0 ? waitAfter(points, this.#settings) : 0
    const count: Count = { key, points, expiresAt, waitsUntil: this.#clock() + wait, level }
    if (points > 0) {
      if (this.#counts.size >= this.#maxKeys) this.#remove(this.#queues.find(({ first }) => first)?.first)
      this.#counts.set(key, count)
      this.#queues[level]?.append(count)
    }
    return this.#describe(count)
  }

  #remove(count: Count | undefined): void {
    if (!count) return
    this.#queues[count.level]?.remove(count)
    this.#counts.delete(count.key)
  }

  /** The refusal of a point during a wait. */
  #refusal({ waitsUntil }: Count): RateLimitCount | undefined {
    const msLeft = waitsUntil - this.#clock()
    return msLeft > 0 ? { points: this.#limit + 1, msLeft } : undefined
  }

  #describe({ points, expiresAt }: Count): RateLimitCount {
    return { points, msLeft: expiresAt - this.#clock() }
  }
}

/** Stores counts in the memory of this process. */
export const memoryRateLimits: RateLimitBackend = {
  createStore: (settings) => new MemoryRateLimitStore(settings),
  // Expired counts are removed as others are used.
  prune: async () => 0,
}

/** A doubly linked list. */
class Queue {
  first: Count | undefined
  #last: Count | undefined

  append(count: Count): void {
    count.previous = this.#last
    if (this.#last) this.#last.next = count
    else this.first = count
    this.#last = count
  }

  remove({ previous, next }: Count): void {
    if (previous) previous.next = next
    else this.first = next
    if (next) next.previous = previous
    else this.#last = previous
  }
}
