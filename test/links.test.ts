import { existsSync, globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import packageJson from '../package.json' with { type: 'json' }
import { ROOT, readPage } from './markdown.ts'
import { suites } from './suites.ts'

const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], {
  cwd: ROOT,
  exclude: ['**/node_modules'],
}).map((path) => ({ path, text: readPage(path).replaceAll(/^```.*?^```$/gms, '') }))

/** The anchors of a page's headings, as GitHub and npm form them. */
function anchorsOf(path: string): string[] {
  const headings = pages.find((page) => page.path === path)?.text.matchAll(/^#+ (.+)$/gm) ?? []
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}

t.test('every link in the documentation leads to a file, and to a heading in it', async (t) => {
  t.ok(pages.length > 20)
  for (const { path, text } of pages) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const linked = file === '' ? path : join(dirname(path), file)
      t.ok(existsSync(join(ROOT, linked)), `${path} links to ${target}`)
      if (anchor !== undefined) t.ok(anchorsOf(linked).includes(anchor), `${path} links to ${target}`)
    }
  }
})

t.test('every file that the documentation names exists', async (t) => {
  for (const { path, text } of pages) {
    // A changelog names files as they were.
    if (path === 'CHANGELOG.md') continue
    for (const [, file = ''] of text.matchAll(
      /`((?:src|routes|plugins|drizzle|test|bench|docs|examples)\/[\w./-]+)`/g,
    )) {
      t.ok(existsSync(join(ROOT, file)), `${path} names ${file}`)
    }
  }
})

t.test('every script and every suite that the documentation names exists', async (t) => {
  for (const { path } of pages) {
    if (path === 'CHANGELOG.md') continue
    for (const [, script = '', suite] of readPage(path).matchAll(
      /npm run ([a-z][\w:]*)(?: -- ([a-z]+)\b)?/g,
    )) {
      t.ok(script in packageJson.scripts, `${path} names npm run ${script}`)
      if (script === 'test:more' && suite) t.ok(suite in suites, `${path} names the suite ${suite}`)
    }
  }
})

t.test('every page of docs/ and examples/ is linked from another one', async (t) => {
  const linked = new Set(
    pages.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)\s#]+)/g)].map(([, file = '']) => join(dirname(path), file)),
    ),
  )
  for (const { path } of pages) {
    const isLinked = linked.has(path) || linked.has(dirname(path))
    if (path.includes('/') && !path.startsWith('docs/decisions/')) t.ok(isLinked, path)
  }
})
