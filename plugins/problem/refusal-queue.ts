/** Milliseconds between two that go out. */
const INTERVAL = 5
/** How many may go out at once after a quiet time. */
const BURST = 50
/** Milliseconds that anybody is held at most. */
const MAX_DELAY = 3000
/** How many are held at most, since each takes some memory. */
const CAPACITY = 2000

/**
 * Lets those that come too fast go out at a steady rate (a leaky bucket as a queue). Clients that ask again as soon as they are
 * refused then spend their time waiting, and not the event loop's.
 */
export class LeakyBucket {
  #held = 0
  /** When the last one goes out, by `performance.now()`. */
  #last = Number.NEGATIVE_INFINITY

  /** Ends when it is the caller's turn: at once where few come, and where the bucket is full. */
  async pass(): Promise<void> {
    if (this.#held >= CAPACITY) return
    const now = performance.now()
    const turn = Math.max(this.#last, now - BURST * INTERVAL) + INTERVAL
    this.#last = Math.min(turn, now + MAX_DELAY)
    if (this.#last <= now) return
    this.#held += 1
    await new Promise((resolve) => setTimeout(resolve, this.#last - now))
    this.#held -= 1
  }
}
