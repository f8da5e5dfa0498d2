/** Letters that a slip adds, drops, changes or swaps, by the length of the word. */
const slips = (word: string) => (word.length < 8 ? 1 : 2)

/** Whether a word may be another one, mistyped. */
export function isMisspelling(word: string, meant: string): boolean {
  return word !== meant && distance(word.toUpperCase(), meant) <= slips(meant)
}

/** The edits between two words: optimal string alignment. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, changed, swapped))
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}
