import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { nodeCommand } from '../node-command.ts'

const MODULE = new URL('../../src/runtime/tick-object.js', import.meta.url).href

/**
 * A program that has ticks, then full garbage collections while no tick waits, and then prints the CPU time of many
 * ticks in microseconds.
 */
function program(prelude: string): string {
  return `
    ${prelude}
    import { setTimeout } from 'node:timers/promises'
    function ticks(count) {
      return new Promise((resolve) => {
        const next = () => {
          if (count-- === 0) resolve()
          else if (count % 1000 === 0) setImmediate(next)
          else process.nextTick(next)
        }
        next()
      })
    }
    await ticks(1000)
    for (let index = 0; index < 4; index++) {
      await setTimeout(5)
      gc()
    }
    await ticks(100_000)
    const before = process.cpuUsage()
    await ticks(500_000)
    console.log(process.cpuUsage(before).user)
  `
}

async function run(prelude: string): Promise<number> {
  const [command, args] = nodeCommand(['--expose-gc', '--input-type=module', '--eval', program(prelude)])
  const { stdout } = await promisify(execFile)(command, args)
  return Number(stdout)
}

t.test('V8 keeps the shape of the objects of process.nextTick', async (t) => {
  const forgotten = await run('')
  const kept = await run(`import ${JSON.stringify(MODULE)}`)
  t.ok(kept > 0)
  t.ok(kept * 2 < forgotten, `${kept} µs, and ${forgotten} if it forgets`)
})
