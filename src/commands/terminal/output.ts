import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'

/** Where a command writes a long output. */
export interface Output {
  write(text: string): Promise<void>
  /** Resolves once a file is on disk. */
  close(): Promise<void>
  /** Removes an incomplete file. */
  discard(): Promise<void>
}

/**
 * Opens a new file, which only its owner can read, or standard output.
 *
 * @param path the file's; undefined for standard output
 * @throws if the file exists
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
