import { type Translate, translateErrors } from '../translate-errors.ts'

/** The settings of a rate limiter. */
export interface RateLimiterSettings {
  /** Distinguishes its keys from those of other limiters. */
  keyPrefix: string
  /** How many points each key has. */
  points: number
  /** Seconds from a key's first point until its count starts again. */
  duration: number
}

/** Counts points per key, and refuses more than the limit. Keys should be short and unreadable, such as digests. */
export interface RateLimiter extends Readonly<RateLimiterSettings> {
  /**
   * Consumes a point, atomically.
   *
   * @returns 0, or if none is left, the milliseconds until there are points again
   */
  consume(key: string): Promise<number>
  /** How many milliseconds a key is still refused, as far as is known without a query; 0 if it is not known. */
  recall(key: string): number
  /** Gives a point back. */
  reward(key: string): Promise<void>
  /** Whether a key has a count. */
  has(key: string): Promise<boolean>
  /** Sets a key's count to one point, with a full duration from now. */
  restart(key: string): Promise<void>
  delete(key: string): Promise<void>
}

/** The count of a key. */
export interface RateLimitCount {
  points: number
  /** Milliseconds until it expires. */
  msLeft: number
}

/** Stores the counts of one limiter. */
export interface RateLimitStore {
  /**
   * Adds to a count, which may start at 0, atomically. What would exceed the limit is not stored, but returned: more
   * points than the limiter has are a refusal. Negative `points` subtract, down to 0.
   */
  add(key: string, points: number): Promise<RateLimitCount>
  /** Replaces a count. */
  set(key: string, points: number): Promise<RateLimitCount>
  get(key: string): Promise<RateLimitCount | undefined>
  /** The count of a refused key, as far as it is known without a query. */
  recall(key: string): RateLimitCount | undefined
  delete(key: string): Promise<void>
}

/** Creates the stores of limiters. */
export interface RateLimitBackend {
  createStore(settings: RateLimiterSettings): RateLimitStore
  /**
   * Deletes at most `limit` expired counts.
   *
   * @returns how many it deleted
   */
  prune(limit: number): Promise<number>
}

/**
 * Creates a rate limiter.
 *
 * @param store stores its counts
 * @param translate turns what the store throws into what the caller catches
 */
export function createRateLimiter(
  settings: RateLimiterSettings,
  store: RateLimitStore,
  translate: Translate,
): RateLimiter {
  // Must not change: instances of two versions count together.
  const storeKey = (key: string) => `${settings.keyPrefix}:${key}`

  async function consume(key: string): Promise<number> {
    const { points, msLeft } = await store.add(storeKey(key), 1)
    return points > settings.points ? Math.max(1, msLeft) : 0
  }

  return {
    ...settings,
    consume: translateErrors(consume, translate),
    recall: (key) => store.recall(storeKey(key))?.msLeft ?? 0,
    reward: translateErrors(async (key: string) => void (await store.add(storeKey(key), -1)), translate),
    has: translateErrors(async (key: string) => (await store.get(storeKey(key))) !== undefined, translate),
    restart: translateErrors(async (key: string) => void (await store.set(storeKey(key), 1)), translate),
    delete: translateErrors((key: string) => store.delete(storeKey(key)), translate),
  }
}
