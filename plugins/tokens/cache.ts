/** The most entries of one generation. */
const MAX_ENTRIES = 6_000
/** The most characters of all tokens in one generation. */
const MAX_CHARACTERS = 8 * 1024 * 1024
/** How many characters at its end a token is looked up by. They are the signature's, so no client can choose them. */
const KEY_LENGTH = 43

interface Entry<Value> {
  token: string
  value: Value
}

/**
 * Caches what was verified of a token under the token's whole text, so that each token is verified once. The cache is
 * bounded in entries and in characters: when the young generation is full it becomes the old one, and the former old
 * one is dropped.
 */
export class TokenCache<Value> {
  // Keyed by the end of the token: a map hashes the whole of a string that it has not seen, and each request's token is
  // a new string. Of two tokens with the same end the later one is kept.
  #young = new Map<string, Entry<Value>>()
  #old = new Map<string, Entry<Value>>()
  #characters = 0

  get(token: string): Value | undefined {
    const key = token.slice(-KEY_LENGTH)
    const entry = this.#young.get(key)
    if (entry?.token === token) return entry.value
    const older = this.#old.get(key)
    if (older?.token !== token) return undefined
    this.set(token, older.value)
    return older.value
  }

  set(token: string, value: Value): void {
    if (this.#young.size >= MAX_ENTRIES || this.#characters + token.length > MAX_CHARACTERS) {
      this.#old = this.#young
      this.#young = new Map()
      this.#characters = 0
    }
    this.#young.set(token.slice(-KEY_LENGTH), { token, value })
    this.#characters += token.length
  }

  delete(token: string): void {
    const key = token.slice(-KEY_LENGTH)
    for (const entries of [this.#young, this.#old]) {
      if (entries.get(key)?.token === token) entries.delete(key)
    }
  }
}
