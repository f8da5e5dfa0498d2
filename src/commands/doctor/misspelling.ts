import levenshtein from 'damerau-levenshtein'

/** Letters that a typing mistake adds, drops, changes or swaps, by the length of the word. */
const maxEdits = (word: string) => (word.length < 8 ? 1 : 2)

/** Whether a word may be another one, mistyped. */
export function isMisspelling(word: string, meant: string): boolean {
  return word !== meant && levenshtein(word.toUpperCase(), meant).steps <= maxEdits(meant)
}
