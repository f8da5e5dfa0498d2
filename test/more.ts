/** `npm run test:more -- NAME…`: the further suites. Without a name it lists them. */
import { globSync } from 'node:fs'
import { type Suite, suites } from './suites.ts'
import { run, withPostgres } from './tap.ts'

const names = process.argv.slice(2)
const unknown = names.filter((name) => !Object.hasOwn(suites, name))
if (unknown.length > 0) console.error(`There is no suite ${unknown.join(', ')}.\n`)
if (names.length === 0 || unknown.length > 0) {
  console.log('npm run test:more -- NAME…\n')
  for (const [name, { about, needs }] of Object.entries(suites)) {
    console.log(`  ${name.padEnd(12)}${about}${needs ? `\n${' '.repeat(14)}needs ${needs}` : ''}`)
  }
  process.exitCode = unknown.length > 0 ? 2 : 0
} else {
  for (const name of names) {
    const status = await runSuite(suites[name] as Suite)
    if (status !== 0) process.exitCode = status
  }
}

async function runSuite({ files, options = [], env = {}, postgres, runner }: Suite): Promise<number> {
  const parameters = [...options, ...globSync(files)]
  if (!postgres) return run(parameters, env, runner)
  return await withPostgres((server) => run(parameters, { ...server, ...env }))
}
