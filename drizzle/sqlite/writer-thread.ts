/** The thread that writes: it opens the same file, and makes one call after another. */
import { parentPort, workerData } from 'node:worker_threads'
import { createRepositories } from '../repositories/index.ts'
import { openHandle, wrapSqlite } from './client.ts'
import type { Answer, Call } from './writer.ts'

const handle = openHandle(workerData)
const repositories = createRepositories(wrapSqlite(handle, '')) as unknown as Record<
  string,
  Record<string, (...parameters: unknown[]) => Promise<unknown>>
>

parentPort?.on('message', async (call: Call | 'close') => {
  if (call === 'close') return close()
  const { id, repository, method, parameters } = call
  try {
    answer({ id, result: await repositories[repository]?.[method]?.(...parameters) })
  } catch (error) {
    // An error loses its code on the way.
    const { message, code } = error as Error & { code?: string }
    answer({ id, error: { message, code } })
  }
})

/** The end of the thread, since there is nothing left to wait for. */
function close(): void {
  handle.close()
  parentPort?.close()
}

function answer(answer: Answer): void {
  parentPort?.postMessage(answer)
}
