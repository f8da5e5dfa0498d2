/** Entries of one generation at most. */
const MAX_ENTRIES = 6_000
/** Characters of the tokens in one generation at most. */
const MAX_CHARACTERS = 8 * 1024 * 1024

/**
 * Remembers what was verified of a token, by the token's whole text, so that one sent again is not verified again. It is bounded in
 * entries and in size: when the young generation is full it becomes the old one, and what nobody has asked for since is
 * forgotten.
 */
export class TokenCache<Value> {
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()
  #characters = 0

  get(token: string): Value | undefined {
    const value = this.#young.get(token)
    if (value !== undefined) return value
    const older = this.#old.get(token)
    if (older !== undefined) this.set(token, older)
    return older
  }

  set(token: string, value: Value): void {
    if (this.#young.size >= MAX_ENTRIES || this.#characters + token.length > MAX_CHARACTERS) {
      this.#old = this.#young
      this.#young = new Map()
      this.#characters = 0
    }
    this.#young.set(token, value)
    this.#characters += token.length
  }

  delete(token: string): void {
    this.#young.delete(token)
    this.#old.delete(token)
  }
}
