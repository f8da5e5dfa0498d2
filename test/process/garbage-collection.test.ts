import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { nodeCommand } from '../node-command.ts'

const MODULE = new URL('../../src/runtime/garbage-collection.js', import.meta.url).href

/** A program whose objects live long, told by V8 where it finds that out. */
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

t.test('V8 makes nothing in the old generation because of where it is made', async (t) => {
  t.match(await run(''), /AllocationSite.+=> (maybe )?tenure/, 'as it does by itself')
  t.notMatch(await run(`import ${JSON.stringify(MODULE)}`), /AllocationSite/)
})
