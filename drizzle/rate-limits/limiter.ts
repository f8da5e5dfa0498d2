import { type Translate, translateErrors } from '../translate-errors.ts'

/** The settings of a rate limiter. */
export interface RateLimiterSettings {
  /** Distinguishes its keys from those of other limiters. */
  keyPrefix: string
  /** How many points each key has. */
  points: number
  /** Seconds from a key's first point until its count starts again. */
  duration: number
  /** Whether a key has to wait between points, longer each time, rather than use up all of them at once. */
  hasGrowingWaits?: boolean
}

/** The least points with which waits can grow from seconds. */
const GROWING_MIN_POINTS = 20
/** Milliseconds. A shorter wait is none. */
export const SHORTEST_WAIT = 1000

/** Whether waits of a limiter grow. With few points, the first one would already be long. */
export function hasWaits({ hasGrowingWaits = false, points }: RateLimiterSettings): boolean {
  return hasGrowingWaits && points >= GROWING_MIN_POINTS
}

/**
 * How long a key waits after a point. Each wait is twice as long as the one before, and all of them fill half of the
 * duration. So nobody waits for longer than the points have taken, and a second.
 *
 * @param points the key's points with this one
 * @returns milliseconds
 */
export function waitAfter(points: number, settings: RateLimiterSettings): number {
  if (!hasWaits(settings)) return 0
  const wait = (settings.duration * 1000) / 2 ** (settings.points - points + 1)
  return wait < SHORTEST_WAIT ? 0 : wait
}

/** Counts points per key, and refuses more than the limit. Keys should be short and unreadable, such as digests. */
export interface RateLimiter extends Readonly<RateLimiterSettings> {
  /**
   * Consumes a point, atomically.
   *
   * @returns 0, or if there is none now, the milliseconds until there is one
   */
  consume(key: string): Promise<number>
  /** How many milliseconds a key is still refused, as far as is known without a query; 0 if it is not known. */
  recall(key: string): number
  /** Gives a point back. */
  reward(key: string): Promise<void>
  delete(key: string): Promise<void>
}

/** The count of a key. */
export interface RateLimitCount {
  points: number
  /** Milliseconds until it expires; of a refusal, until there may be a point. */
  msLeft: number
}

/** Stores the counts of one limiter. */
export interface RateLimitStore {
  /**
   * Adds to a count, which may start at 0, atomically. What would exceed the limit is not stored, but returned: more
   * points than the limiter has are a refusal, and so is a point during a wait. Negative `points` subtract, down to 0,
   * and end a wait.
   */
  add(key: string, points: number): Promise<RateLimitCount>
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
    delete: translateErrors((key: string) => store.delete(storeKey(key)), translate),
  }
}
