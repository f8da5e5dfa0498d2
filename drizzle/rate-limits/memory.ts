import type { RateLimitBackend, RateLimitCount, RateLimiterSettings, RateLimitStore } from './limiter.ts'

/** Keys of one limiter at most: some 30 MB, and more than the hashes that two cores make in half a day. */
const MAX_KEYS = 100_000

/** The level of what is refused. Below it stands what has fewer points, by their binary logarithm. */
const REFUSED = 31

/** A count, in line with those of its level. */
interface Count {
  key: string
  points: number
  /** By the store's clock. */
  expiresAt: number
  level: number
  before?: Count | undefined
  behind?: Count | undefined
}

/** What a store may have otherwise. */
export interface MemoryStoreOptions {
  maxKeys?: number
  /** Milliseconds, which unlike the time of day never go back. */
  clock?: () => number
}

/**
 * Counts in the memory of the process, of bounded size. When it is full, what has the fewest points makes room, and of several what
 * has been there for longest: whoever floods it with keys does not thereby get a count forgotten that is near its limit.
 */
export class MemoryRateLimitStore implements RateLimitStore {
  readonly #counts = new Map<string, Count>()
  /** A Map's own order would not do: what is first is found the more slowly, the more was deleted before it. */
  readonly #lines = Array.from({ length: REFUSED + 1 }, () => new Line())
  readonly #limit: number
  readonly #duration: number
  readonly #maxKeys: number
  readonly #clock: () => number

  constructor(settings: RateLimiterSettings, options: MemoryStoreOptions = {}) {
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

  async set(key: string, points: number): Promise<RateLimitCount> {
    this.#remove(this.#counts.get(key))
    return this.#put(key, points)
  }

  async get(key: string): Promise<RateLimitCount | undefined> {
    const count = this.#find(key)
    return count && this.#describe(count)
  }

  recall(key: string): RateLimitCount | undefined {
    const count = this.#find(key)
    return count?.level === REFUSED ? this.#describe(count) : undefined
  }

  async delete(key: string): Promise<void> {
    this.#remove(this.#counts.get(key))
  }

  #find(key: string): Count | undefined {
    const now = this.#clock()
    for (const line of this.#lines) if (line.first && line.first.expiresAt <= now) this.#remove(line.first)
    const count = this.#counts.get(key)
    if (!count || count.expiresAt > now) return count
    this.#remove(count)
    return undefined
  }

  #put(key: string, change: number, present?: Count): RateLimitCount {
    const points = Math.max(0, (present?.points ?? 0) + change)
    if (present && points > this.#limit) return { ...this.#describe(present), points }
    this.#remove(present)
    const level = points >= this.#limit ? REFUSED : Math.floor(Math.log2(points))
    const expiresAt = present?.expiresAt ?? this.#clock() + this.#duration
    const count: Count = { key, points, expiresAt, level }
    if (points > 0) {
      if (this.#counts.size >= this.#maxKeys) this.#remove(this.#lines.find((line) => line.first)?.first)
      this.#counts.set(key, count)
      this.#lines[level]?.append(count)
    }
    return this.#describe(count)
  }

  #remove(count: Count | undefined): void {
    if (!count) return
    this.#lines[count.level]?.remove(count)
    this.#counts.delete(count.key)
  }

  #describe({ points, expiresAt }: Count): RateLimitCount {
    return { points, msLeft: expiresAt - this.#clock() }
  }
}

/** Counts that each process has for itself. */
export const memoryRateLimits: RateLimitBackend = {
  createStore: (settings) => new MemoryRateLimitStore(settings),
  // What has expired goes by itself.
  prune: async () => 0,
}

/** A doubly linked list. */
class Line {
  first: Count | undefined
  #last: Count | undefined

  append(count: Count): void {
    count.before = this.#last
    if (this.#last) this.#last.behind = count
    else this.first = count
    this.#last = count
  }

  remove({ before, behind }: Count): void {
    if (before) before.behind = behind
    else this.first = behind
    if (behind) behind.before = before
    else this.#last = before
  }
}
