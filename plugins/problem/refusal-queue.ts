/** Milliseconds between two refusals. */
const INTERVAL = 5
/** How many may be sent at once after a quiet time. */
const BURST = 50
/** The longest that a refusal is held back, in milliseconds. */
const MAX_DELAY = 3000
/** The most refusals that are held back at a time, since each takes memory. */
const CAPACITY = 2000

/**
 * Sends refusals at a steady rate (a leaky bucket as a queue). A client that retries as soon as it is refused then
 * spends its time waiting, instead of the event loop's.
 */
export class RefusalQueue {
  #waiting = 0
  /** When the last one is sent, by `performance.now()`. */
  #last = Number.NEGATIVE_INFINITY

  /** Resolves when it is the caller's turn: at once if there are few, and if the queue is full. */
  async wait(): Promise<void> {
    if (this.#waiting >= CAPACITY) return
    const now = performance.now()
    const turn = Math.max(this.#last, now - BURST * INTERVAL) + INTERVAL
    this.#last = Math.min(turn, now + MAX_DELAY)
    if (this.#last <= now) return
    this.#waiting += 1
    await new Promise((resolve) => setTimeout(resolve, this.#last - now))
    this.#waiting -= 1
  }
}
