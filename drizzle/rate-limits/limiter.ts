import { createRequire } from 'node:module'
import { guard, type Translate } from '../translate-errors.ts'

const require = createRequire(import.meta.url)

const RateLimiterStoreAbstract =
  require('rate-limiter-flexible/lib/RateLimiterStoreAbstract.js') as typeof import('rate-limiter-flexible').RateLimiterStoreAbstract
const RateLimiterRes =
  require('rate-limiter-flexible/lib/RateLimiterRes.js') as typeof import('rate-limiter-flexible').RateLimiterRes

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
  /** @returns false where there was none */
  delete(key: string): Promise<boolean>
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

/** The library's limiter over one of our stores. */
class StoredRateLimiter extends RateLimiterStoreAbstract {
  readonly #store: RateLimitStore

  constructor(settings: RateLimiterSettings, store: RateLimitStore) {
    super({ ...settings, storeClient: store })
    this.#store = store
  }

  async _upsert(key: string, points: number, _duration: number, isForced: boolean): Promise<RateLimitCount> {
    return isForced ? await this.#store.set(key, points) : await this.#store.add(key, points)
  }

  async _get(key: string): Promise<RateLimitCount | null> {
    return (await this.#store.get(key)) ?? null
  }

  async _delete(key: string): Promise<boolean> {
    return await this.#store.delete(key)
  }

  _getRateLimiterRes(_key: string, changed: number, { points, msLeft }: RateLimitCount) {
    return new RateLimiterRes(Math.max(0, this.points - points), msLeft, points, points === changed)
  }
}

/**
 * Makes a limiter.
 *
 * @param store where its counts are
 * @param translate makes of what the store has thrown what the caller is to catch
 */
export function createRateLimiter(
  settings: RateLimiterSettings,
  store: RateLimitStore,
  translate: Translate,
): RateLimiter {
  const limiter = new StoredRateLimiter(settings, store)

  async function consume(key: string): Promise<number> {
    try {
      await limiter.consume(key)
      return 0
    } catch (refusal) {
      // The library rejects for both reasons.
      if (refusal instanceof RateLimiterRes) return Math.max(1, refusal.msBeforeNext)
      throw refusal
    }
  }

  return {
    ...settings,
    consume: guard(consume, translate),
    recall: (key) => store.recall(limiter.getKey(key))?.msLeft ?? 0,
    reward: guard(async (key: string) => void (await limiter.reward(key)), translate),
    has: guard(async (key: string) => (await limiter.get(key)) !== null, translate),
    restart: guard(async (key: string) => void (await limiter.set(key, 1, settings.duration)), translate),
    delete: guard(async (key: string) => void (await limiter.delete(key)), translate),
  }
}
