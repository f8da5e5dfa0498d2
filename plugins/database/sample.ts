import type { Database, SigningKeyRow } from '../../drizzle/index.ts'

/** Milliseconds from the end of one look to the start of the next. */
const INTERVAL = 60_000
/** Rows that one statement counts: a millisecond of work. */
const STEP = 5000
/** How much longer the pause after a step is than the step, so that counting takes no more than a twentieth of the time. */
const REST = 19

/**
 * What only the database knows. Nobody waits for it: whoever asks sees what the last look has found, and has the next one begin in the
 * background if that was a while ago.
 */
export class StoredState {
  /** Undefined until the first count has come to its end. */
  blacklistRows: number | undefined
  signingKeys: readonly SigningKeyRow[] = []
  readonly #database: Database
  #nextLook = Number.NEGATIVE_INFINITY
  #isLooking = false
  #isClosed = false

  constructor(database: Database) {
    this.#database = database
  }

  refresh(): void {
    if (this.#isClosed || this.#isLooking || performance.now() < this.#nextLook) return
    this.#isLooking = true
    this.#look()
      // The query has been counted as failed already; what was known before is better than nothing.
      .catch(() => {})
      .finally(() => {
        this.#isLooking = false
        this.#nextLook = performance.now() + INTERVAL
      })
  }

  close(): void {
    this.#isClosed = true
  }

  async #look(): Promise<void> {
    this.signingKeys = await this.#database.signingKeys.list()
    let rows = 0
    let last: string | null = ''
    while (last !== null && !this.#isClosed) {
      const begun = performance.now()
      const step: { rows: number; last: string | null } = await this.#database.blacklistedTokens.countAfter(
        last,
        STEP,
      )
      rows += step.rows
      last = step.rows < STEP ? null : step.last
      if (last !== null) await rest((performance.now() - begun) * REST)
    }
    if (last === null) this.blacklistRows = rows
  }
}

function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
}
