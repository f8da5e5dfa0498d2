import { join } from 'node:path'
import fastify from 'fastify'
import { postern } from './host.ts'

/** The resources of a process that could leak. */
interface State {
  /** Bytes. */
  heap: number
  resources: Record<string, number>
  listeners: Record<string, number>
}

/** Starts and closes a host app, every other time with a database in a file. */
async function cycle(index: number): Promise<void> {
  const host = fastify()
  await host.register(postern, index % 2 ? { databaseUrl: join(process.cwd(), 'postern.db') } : {})
  host.get('/', { onRequest: host.authenticate }, async () => ({}))
  await host.listen({ host: '127.0.0.1', port: 0 })
  const { statusCode } = await host.inject('/')
  if (statusCode !== 401) throw new Error(`${statusCode}`)
  await host.close()
}

async function cycles(count: number): Promise<State> {
  for (let index = 0; index < count; index++) await cycle(index)
  // What ends in the next turns of the event loop is not a leak.
  for (let turn = 0; turn < 10; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    globalThis.gc?.()
  }
  return {
    heap: process.memoryUsage().heapUsed,
    resources: countEach(process.getActiveResourcesInfo()),
    listeners: Object.fromEntries(
      process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
    ),
  }
}

function countEach(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

// The first cycles fill caches of Node.js and of the packages.
const before = await cycles(50)
const after = await cycles(100)
console.log(JSON.stringify({ before, after }))
