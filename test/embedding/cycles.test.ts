import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { packedPlugin } from '../packed-host.ts'

const PROGRAM = fileURLToPath(new URL('cycles.ts', import.meta.url))

/** Bytes per cycle by which the heap may grow. A host app that is not freed takes seventy times as much. */
const NOISE = 10_000

t.test('a hundred host apps that start and close leave nothing behind', async (t) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--expose-gc', PROGRAM], {
    cwd: t.testdir(),
    env: packedPlugin === undefined ? {} : { POSTERN_TEST_PLUGIN: fileURLToPath(packedPlugin) },
  })

  const { before, after } = JSON.parse(stdout)
  t.same(after.resources, before.resources, 'no open handle')
  t.same(after.listeners, before.listeners, 'no listener')
  const growth = (after.heap - before.heap) / 100
  t.ok(growth < NOISE, `no growth in memory: ${growth} bytes per cycle`)
  t.equal(stderr, '', 'no warning')
})
