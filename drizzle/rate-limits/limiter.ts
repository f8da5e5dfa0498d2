import { guard, type Translate } from '../translate-errors.ts'

/** What is to be limited. */
export interface RateLimiterSettings {
  /** Tells its keys from those of other limiters. */
  keyPrefix: string
  /** How many may be consumed under one key. */
  points: number
  /** Seconds after which a key is forgotten, from the first point on. */
  duration: number
}

/** Counts under keys, and says when there were too many. A key is a digest: of no great length, and nobody can read it. */
export interface RateLimiter extends Readonly<RateLimiterSettings> {
  /**
   * Consumes a point, in one atomic step.
   *
   * @returns 0, or where none is left, the milliseconds until there are any
   */
  consume(key: string): Promise<number>
  /** The milliseconds for which a key is refused, as far as this process knows without asking anybody; 0 where it is not. */
  recall(key: string): number
  /** Gives a point back. */
  reward(key: string): Promise<void>
  /** Whether anything is counted under a key. */
  has(key: string): Promise<boolean>
  /** Counts one point, and from now on, whatever was counted before. */
  restart(key: string): Promise<void>
  delete(key: string): Promise<void>
}

/** What is counted under a key. */
export interface RateLimitCount {
  points: number
  /** Milliseconds until it is forgotten. */
  msLeft: number
}

/** Where one limiter's counts are. */
export interface RateLimitStore {
  /**
   * Adds to a count, or begins one, in one atomic step. What would be too much is not added: then more points are returned than the
   * limiter has. Nor does what is taken away make it negative.
   */
  add(key: string, points: number): Promise<RateLimitCount>
  /** Replaces a count. */
  set(key: string, points: number): Promise<RateLimitCount>
  get(key: string): Promise<RateLimitCount | undefined>
  /** The count of a key that is refused, as far as it is known without asking anybody. */
  recall(key: string): RateLimitCount | undefined
  delete(key: string): Promise<void>
}

/** Makes the stores of limiters. */
export interface RateLimitBackend {
  createStore(settings: RateLimiterSettings): RateLimitStore
  /**
   * Deletes counts that have expired, at most `limit` of them.
   *
   * @returns how many it deleted
   */
  prune(limit: number): Promise<number>
}

/**
 * Creates a limiter.
 *
 * @param store where its counts are
 * @param translate turns what the store throws into what the caller catches
 */
export function createRateLimiter(
  settings: RateLimiterSettings,
  store: RateLimitStore,
  translate: Translate,
): RateLimiter {
  // Instances of other versions count under the same keys.
  const storeKey = (key: string) => `${settings.keyPrefix}:${key}`

  async function consume(key: string): Promise<number> {
    const { points, msLeft } = await store.add(storeKey(key), 1)
    return points > settings.points ? Math.max(1, msLeft) : 0
  }

  return {
    ...settings,
    consume: guard(consume, translate),
    recall: (key) => store.recall(storeKey(key))?.msLeft ?? 0,
    reward: guard(async (key: string) => void (await store.add(storeKey(key), -1)), translate),
    has: guard(async (key: string) => (await store.get(storeKey(key))) !== undefined, translate),
    restart: guard(async (key: string) => void (await store.set(storeKey(key), 1)), translate),
    delete: guard((key: string) => store.delete(storeKey(key)), translate),
  }
}
