/** Entries of one generation at most. */
const MAX_ENTRIES = 6_000
/** Characters of the tokens in one generation at most. */
const MAX_CHARACTERS = 8 * 1024 * 1024
/** Characters at a token's end by which it is looked up: of a signature, so that nobody can choose them. */
const KEY_LENGTH = 43

interface Entry<Value> {
  token: string
  value: Value
}

/**
 * Remembers what was verified of a token, by the token's whole text, so that one sent again is not verified again. It is bounded in
 * entries and in size: when the young generation is full it becomes the old one, and what nobody has asked for since is
 * forgotten.
 */
export class TokenCache<Value> {
  // By the end of the token, since a map reads the whole of a key that it has not seen, and each request's token is a new string. Of two
  // tokens with the same end the later one is remembered.
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
