/** The writer thread: it opens the same file, and runs the calls that `writer.ts` sends. */
import { parentPort, workerData } from 'node:worker_threads'
import { createRepositories } from '../repositories/index.ts'
import { createConnection, openHandle } from './client.ts'
import type { Answer, Call } from './writer.ts'

type Methods = Record<string, (...parameters: unknown[]) => Promise<unknown>>

const handle = openHandle(workerData)
const connection = createConnection(handle, '', async () => {})
const repositories = createRepositories(connection) as unknown as Record<string, Methods>

parentPort?.on('message', async (call: Call | 'close') => {
  if (call === 'close') return close()
  const { id, repository, method, parameters } = call
  try {
    answer({ id, result: await repositories[repository]?.[method]?.(...parameters) })
  } catch (error) {
    // A cloned error loses its code.
    const { message, code } = error as Error & { code?: string }
    answer({ id, error: { message, code } })
  }
})

/** Ends the thread, which then has nothing left to wait for. */
function close(): void {
  handle.close()
  parentPort?.close()
}

function answer(answer: Answer): void {
  parentPort?.postMessage(answer)
}
