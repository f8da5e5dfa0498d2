/**
 * Is preloaded into the server's process and its writer thread, and executes the pragmas that a test sends on the
 * server's own connections, since limits such as `max_page_count` belong to one connection.
 */
import { once } from 'node:events'
import { syncBuiltinESMExports } from 'node:module'
import workers, { BroadcastChannel, isMainThread, type WorkerOptions } from 'node:worker_threads'
import SqliteDriver, { type Database } from 'better-sqlite3'

const handles = new Set<Database>()
const { pragma } = SqliteDriver.prototype

SqliteDriver.prototype.pragma = function (this: Database, ...parameters) {
  handles.add(this)
  return pragma.apply(this, parameters)
}

const execute = (source: string) => {
  for (const handle of handles) if (handle.open) handle.pragma(source)
}

const toThread = new BroadcastChannel('pragma')
const fromThread = new BroadcastChannel('pragma done')
toThread.unref()
fromThread.unref()

if (isMainThread) {
  workers.Worker = class extends workers.Worker {
    constructor(file: URL, options: WorkerOptions) {
      super(file, { ...options, execArgv: ['--import', import.meta.url] })
    }
  }
  syncBuiltinESMExports()
  process.on('message', async (source: string) => {
    execute(source)
    const done = once(fromThread as unknown as EventTarget, 'message')
    toThread.postMessage(source)
    await done
    process.send?.('done')
  })
} else {
  toThread.onmessage = ({ data }) => {
    execute(data as string)
    fromThread.postMessage('done')
  }
}
