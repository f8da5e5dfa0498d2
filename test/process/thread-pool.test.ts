import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import t, { type Test } from 'tap'
import { type StartOptions, startServer } from '../server-process.ts'

/** The nice values of the server's threads, by the threads' names. */
async function nicenesses(t: Test, env: StartOptions['env'] = {}): Promise<Map<string, number[]>> {
  const { process } = await startServer(t, { cwd: t.testdir(), env })
  const threads = `/proc/${process.pid}/task`
  const found = new Map<string, number[]>()
  for (const thread of readdirSync(threads)) {
    // proc_pid_stat(5): the name in parentheses, and the nice value 17 fields after it.
    const [, name = '', rest = ''] =
      /\((.*)\) (.*)/.exec(readFileSync(`${threads}/${thread}/stat`, 'utf8')) ?? []
    found.set(name, [...(found.get(name) ?? []), Number(rest.split(' ')[16])])
  }
  return found
}

if (process.platform === 'linux') {
  t.test('hashes on a thread per core, all with a lower priority than the event loop', async (t) => {
    const { 'libuv-worker': hashing = [], ...others } = Object.fromEntries(await nicenesses(t))
    t.ok(hashing.length > availableParallelism(), `${hashing.length} threads`)
    t.ok(hashing.every((nice) => nice === 10))
    t.ok(
      Object.values(others)
        .flat()
        .every((nice) => nice < 10),
    )
  })

  t.test('ignores an empty UV_THREADPOOL_SIZE', async (t) => {
    const { 'libuv-worker': hashing = [] } = Object.fromEntries(
      await nicenesses(t, { UV_THREADPOOL_SIZE: '' }),
    )
    t.ok(hashing.length > availableParallelism())
  })

  t.test('keeps a given UV_THREADPOOL_SIZE', async (t) => {
    t.equal((await nicenesses(t, { UV_THREADPOOL_SIZE: '7' })).get('libuv-worker')?.length, 7)
  })
}
