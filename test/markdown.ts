import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** The root of the repository. */
export const ROOT = resolve(import.meta.dirname, '..')

/** A command of a page, and the output that the page shows for it. */
export interface Step {
  command: string
  output: string
}

/** @param path of a page, from the root of the repository */
export function readPage(path: string): string {
  return readFileSync(resolve(ROOT, path), 'utf8')
}

/** The text under a heading, up to the next heading of the same level or a higher one. */
export function readSection(page: string, heading: string): string {
  const [hashes = ''] = /^#+/.exec(heading) ?? []
  const [, section = ''] = `\n${page}`.split(`\n${heading}\n`)
  return section.split(new RegExp(`^#{1,${hashes.length}} `, 'm'))[0] ?? ''
}

/** The code blocks in a language. */
export function readBlocks(markdown: string, language: string): string[] {
  const blocks = markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))
  return [...blocks].map(([, block = '']) => block)
}

/** The cells of each row of the tables, without the headers. */
export function readTable(markdown: string): string[][] {
  const rows = markdown.matchAll(/^\| (.*) \|$(?!\n\|-)/gm)
  return [...rows].map(([, row = '']) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')))
}

/** A command goes on while its lines end in a backslash or a pipe, and a here-document up to its end. */
const STEP = /^\$ ((?:.*<<'END'\n(?:.*\n)*?END|(?:.*[\\|]\n)*.*))\n((?:(?!\$ ).*\n)*)/gm

/** The commands of the terminal sessions, each of which begins with `$`. */
export function readTranscript(markdown: string): Step[] {
  return readBlocks(markdown, 'console')
    .flatMap((block) => [...block.matchAll(STEP)])
    .map(([, command = '', output = '']) => ({ command, output: output.trimEnd() }))
}

/** Ids and instants, which differ from run to run, each replaced by a number that is the same for the same value. */
export function withoutVolatile(text: string): string {
  const seen: string[] = []
  return text.replaceAll(
    /\b[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\b|\b\d{4}-\d\d-\d\dT[\d:.]+Z/g,
    (value) => {
      if (!seen.includes(value)) seen.push(value)
      return `<${seen.indexOf(value)}>`
    },
  )
}
