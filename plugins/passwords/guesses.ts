import { setImmediate } from 'node:timers/promises'
import type { ZxcvbnFactory } from '@zxcvbn-ts/core'

/** Above every well-known password, and below a random one of eight letters or of six letters and a digit. */
const MIN_GUESSES = 10_000_000

/** How many characters are estimated together, because the time grows faster than they do, and from which to which. */
const STRETCH = 20
const STEP = 10

/** The most characters to look at. A password has no more, but its compatibility form may. */
const MAX_LENGTH = 72

/** How many readings of `p4$$w0rd` to try. Each takes time, and the first ones suffice for what people write. */
const MAX_READINGS = 8

/**
 * Whether a password is among the first ten million that an attacker tries. A long one is not if any twenty
 * characters of it are not.
 *
 * @param password of 72 bytes at most
 * @param words that the attacker tries first, in lower case
 */
export async function isEasyToGuess(password: string, words: readonly string[]): Promise<boolean> {
  const estimator = await load()
  const characters = [...withoutLong(words, password.normalize('NFKC').slice(0, MAX_LENGTH))]
  for (let start = 0; start === 0 || start + STEP < characters.length; start += STEP) {
    // Between two stretches, requests get their turn.
    if (start > 0) await setImmediate()
    const stretch = characters.slice(start, start + STRETCH).join('')
    if (estimator.check(stretch, [...words]).guesses >= MIN_GUESSES) return false
  }
  return true
}

/** Leaves out the words that are longer than a stretch, and so would not be found in one. */
function withoutLong(words: readonly string[], text: string): string {
  let rest = text
  for (const word of words.filter(({ length }) => length > STRETCH)) {
    const lower = rest.toLowerCase()
    if (lower.includes(word)) rest = lower.replaceAll(word, '')
  }
  return rest
}

let estimator: Promise<ZxcvbnFactory> | undefined

/** Loaded at first use, so that a start does not wait for it. */
function load(): Promise<ZxcvbnFactory> {
  estimator ??= createEstimator()
  return estimator
}

async function createEstimator(): Promise<ZxcvbnFactory> {
  const { ZxcvbnFactory } = await import('@zxcvbn-ts/core')
  const { adjacencyGraphs, dictionary } = await import('@zxcvbn-ts/language-common')
  return new ZxcvbnFactory({
    dictionary: { passwords: dictionary['passwords-common'] ?? [] },
    graphs: adjacencyGraphs,
    l33tMaxSubstitutions: MAX_READINGS,
  })
}
