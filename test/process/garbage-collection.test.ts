import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { nodeCommand } from '../node-command.ts'

const MODULE = new URL('../../src/runtime/garbage-collection.js', import.meta.url).href

/** A program whose objects live long, which V8 reports when it notices. */
function program(prelude: string): string {
  return `
    ${prelude}
    const kept = []
    function keep(index) { kept.push({ index, list: [index] }) }
    for (let index = 0; index < 500_000; index++) keep(index)
  `
}

async function run(prelude: string): Promise<string> {
  const [command, args] = nodeCommand([
    '--trace-pretenuring-statistics',
    '--input-type=module',
    '--eval',
    program(prelude),
  ])
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 2 ** 26 })
  return stdout
}

t.test('V8 allocates nothing directly in the old generation', async (t) => {
  t.match(await run(''), /AllocationSite.+=> (maybe )?tenure/, 'as it does by default')
  t.notMatch(await run(`import ${JSON.stringify(MODULE)}`), /AllocationSite/)
})
