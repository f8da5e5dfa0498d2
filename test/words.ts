/**
 * `npm run lint`: finds words that this project does not use, in sources and documentation. Plain words are easier to
 * read, and each thing has one name.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** What to write instead, by the words. */
const WORDS: [RegExp, string][] = [
  [/\bwho(m)?ever\b/i, 'the client, the caller, anyone who …'],
  [/\banew\b/i, 'again'],
  [/\bfor good\b/i, 'permanently'],
  [/\bof old\b/i, 'old'],
  [/\bby (itself|himself|herself|themselves)\b/i, 'alone, automatically, or nothing'],
  [/\bwhat is to be\b/i, 'what to …'],
  [/\bdear(er)?\b/i, 'expensive'],
  [/\b(he|she|his|him|her|himself|herself)\b/, 'they, their'],
  [/\b(tokens?|keys?) (no longer )?counts?\b/i, 'is valid'],
  [/\bno longer counts?\b/i, 'is not valid any more'],
  [/\bnobody['’]?s ?hash\b/i, 'dummy hash'],
  [/\bwriting thread\b/i, 'writer thread'],
]

/** Text that people read. The lists of words and generated files are not. */
const CHECKED = /\.(ts|js|mjs|md|json|ya?ml|conf|cfg|service|svg)$|(Caddyfile|Dockerfile|postern)$/
const UNCHECKED = /^(test\/words\.ts|package-lock\.json|LICENSE|docs\/.*\.svg|drizzle\/.*\/migrations\/.*)$/

const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => CHECKED.test(file) && !UNCHECKED.test(file))

let hits = 0
for (const file of files) {
  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    for (const [pattern, instead] of WORDS) {
      const found = pattern.exec(line)?.[0]
      if (found === undefined) continue
      hits += 1
      console.error(`${file}:${index + 1}: “${found}”. Write: ${instead}`)
    }
  }
}
if (hits > 0) {
  console.error(`\n${hits} words to replace.`)
  process.exitCode = 1
}
