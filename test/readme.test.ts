import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { problems } from '../plugins/problem/codes.ts'
import { ConfigSchema, environmentName } from '../src/settings/environment.ts'
import { startServer } from './server-process.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** A line that no command writes, between the outputs of two. */
const SEPARATOR = '=== next command ==='

/** A command, and what the README says that it writes. */
interface Step {
  command: string
  output: string
}

/** The commands under "Try it": each begins with `$` and goes on while its lines end in a backslash. */
function readTranscript(markdown: string): Step[] {
  const block = /^## Try it\n[^#]*?^```console\n(.*?)^```$/ms.exec(markdown)?.[1] ?? ''
  return [...block.matchAll(/^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)/gm)].map(
    ([, command = '', output = '']) => ({
      command,
      output,
    }),
  )
}

/** What differs from run to run, replaced by its kind and by a number that is the same for the same value. */
function withoutVolatile(text: string): string {
  const seen = new Map<string, string>()
  return text
    .replaceAll('\r', '')
    .replaceAll(
      /(?<jwt>\beyJ[\w.…-]+)|(?<id>\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b)|(?<instant>\b\d{4}-\d\d-\d\dT[\d:.]+Z)|(?<date>\b\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT)/g,
      (value, ...groups) => {
        const kinds = Object.entries(groups.at(-1) as Record<string, string | undefined>)
        const kind = kinds.find(([, matched]) => matched !== undefined)?.[0]
        if (!seen.has(value)) seen.set(value, `<${kind} ${seen.size + 1}>`)
        return seen.get(value) ?? ''
      },
    )
    .trimEnd()
}

t.test('the commands of the README write what it says', async (t) => {
  const steps = readTranscript(readme)
  t.ok(steps.length >= 5, 'register, login, getUser, logout, getUser')
  const { address } = await startServer(t, { cwd: t.testdir(), env: { BCRYPT_COST: '12' } })
  const script = steps.map(({ command }) => `${command}\necho '\n${SEPARATOR}'\n`).join('')

  const { stdout, stderr } = await promisify(execFile)('bash', [
    '-c',
    script.replaceAll('http://127.0.0.1:3000', address),
  ])

  t.equal(stderr, '')
  const outputs = stdout.replaceAll(address, 'http://127.0.0.1:3000').split(`\n${SEPARATOR}\n`)
  const written = steps.map(({ command }, index) => [`$ ${command}`, outputs[index]?.trimEnd()])
  const promised = steps.map(({ command, output }) => [`$ ${command}`, output.trimEnd()])
  t.same(
    withoutVolatile(written.flat().filter(Boolean).join('\n')).split('\n'),
    withoutVolatile(promised.flat().filter(Boolean).join('\n')).split('\n'),
  )
})

/** The cells of each row of the table under a heading. */
function readTable(heading: string): string[][] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| '))
  return rows.slice(1).map((row) =>
    row
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', ''))
      .slice(1, -1),
  )
}

t.test('the README lists every error code with its status, and no others', async (t) => {
  t.same(
    readTable('Errors').map(([code, status]) => [code, Number(status)]),
    Object.entries(problems).map(([code, { status }]) => [code, status]),
  )
})

t.test('the README lists every setting with its default and what it takes, and no others', async (t) => {
  const listed = readTable('Settings')
  const settings = Object.entries(ConfigSchema.properties)
  t.same(listed.map(([name]) => name).sort(), settings.map(([option]) => environmentName(option)).sort())
  for (const [option, schema] of settings) {
    const [, preset, takes] = listed.find(([name]) => name === environmentName(option)) ?? []
    t.ok(takes?.startsWith(schema.description ?? '?'), `${option} takes ${schema.description}`)
    const { default: value } = schema as { default?: unknown }
    if (value !== undefined) t.equal(preset, String(value) || 'none', `the default of ${option}`)
  }
})

t.test('Node.js gets the same flags wherever it is started', async (t) => {
  const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
  const sizes = (text: string) => text.match(/--max-[\w-]+=\d+/g)
  const expected = sizes(JSON.parse(read('package.json')).scripts.start)
  t.equal(expected?.length, 2)
  for (const path of [
    'README.md',
    'docs/performance.md',
    'examples/Dockerfile',
    'examples/systemd/postern.service',
  ]) {
    t.strictSame(sizes(read(path)), expected, path)
  }
})
