import t, { type Test } from 'tap'
import { problems } from '../plugins/problem/codes.ts'
import { ConfigSchema, environmentName } from '../src/settings/environment.ts'
import { postern } from './cli.ts'
import { readPage, readSection, readTable } from './markdown.ts'

t.test('docs/errors.md lists every error code with its status, and no others', async (t) => {
  const listed = readTable(readSection(readPage('docs/errors.md'), '## Codes'))
  t.same(
    listed.map(([code, status]) => [code, Number(status)]),
    Object.entries(problems).map(([code, { status }]) => [code, status]),
  )
})

t.test('docs/settings.md lists every setting with its default and its values, and no others', async (t) => {
  const listed = readTable(readPage('docs/settings.md'))
  const settings = Object.entries(ConfigSchema.properties)
  t.same(listed.map(([name]) => name).sort(), settings.map(([option]) => environmentName(option)).sort())
  for (const [option, schema] of settings) {
    const [, preset, values] = listed.find(([name]) => name === environmentName(option)) ?? []
    t.ok(values?.startsWith(schema.description ?? '?'), `${option} is ${schema.description}`)
    const { default: value } = schema as { default?: unknown }
    if (value !== undefined) t.equal(preset, String(value) || 'none', `the default of ${option}`)
  }
})

/** The names that a command's help lists under "Commands". */
async function subcommandsOf(t: Test, ...command: string[]): Promise<string[]> {
  const { stdout } = await postern([...command, '--help'], { cwd: t.testdir() })
  const [, list = ''] = stdout.split('\nCommands:\n')
  return [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help')
}

t.test('docs/commands.md lists every command, and no others', async (t) => {
  const rows = readTable(readPage('docs/commands.md')).map(([cell]) => cell)
  const listed = rows.flatMap((cell) => /^[a-z]+( [a-z-]+)?/.exec(cell ?? '')?.[0] ?? [])

  const commands = await Promise.all(
    (await subcommandsOf(t)).map(async (name) => {
      const names = await subcommandsOf(t, name)
      return names.length === 0 ? [name] : names.map((each) => `${name} ${each}`)
    }),
  )
  t.same(listed.sort(), commands.flat().sort())
})

t.test('Node.js gets the same flags wherever it is started', async (t) => {
  const sizes = (text: string) => text.match(/--max-[\w-]+=\d+/g)
  const expected = sizes(JSON.parse(readPage('package.json')).scripts.start)
  t.equal(expected?.length, 2)
  for (const path of [
    'docs/settings.md',
    'docs/performance.md',
    'examples/Dockerfile',
    'examples/systemd/postern.service',
  ]) {
    t.strictSame(sizes(readPage(path)), expected, path)
  }
})
