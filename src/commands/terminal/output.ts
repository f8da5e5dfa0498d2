import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'

/** Where a command writes something long. */
export interface Output {
  write(text: string): Promise<void>
  /** What has been written to a file is on the disk then. */
  close(): Promise<void>
  /** Leaves nothing behind of what was not written to its end. */
  discard(): Promise<void>
}

/**
 * @param path of a new file, which only its owner can read; undefined for standard output
 * @throws where there is such a file already
 */
export async function openOutput(path: string | undefined): Promise<Output> {
  if (path === undefined) return standardOutput
  const file = await open(path, 'wx', 0o600)
  return {
    write: (text) => file.writeFile(text),
    async close() {
      await file.sync()
      await file.close()
    },
    async discard() {
      await file.close()
      await rm(path)
    },
  }
}

const standardOutput: Output = {
  async write(text) {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  },
  async close() {},
  async discard() {},
}
