import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startPostgres } from './postgres-server.ts'

const TAP = fileURLToPath(import.meta.resolve('../node_modules/.bin/tap'))

/** Runs tap, or another script. @returns its exit code, or 1 if a signal ended it */
export function run(parameters: string[], env: Record<string, string> = {}, script = TAP): number {
  const { status } = spawnSync(process.execPath, [script, ...parameters], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  return status ?? 1
}

/**
 * Provides a PostgreSQL server while tests run: the one that TEST_DATABASE_URL names, or one that is started for them.
 *
 * @param tests get the environment that names it
 */
export async function withPostgres<T>(tests: (env: Record<string, string>) => T): Promise<T> {
  const server = process.env['TEST_DATABASE_URL'] ? undefined : await startPostgres()
  try {
    return tests(server ? { TEST_DATABASE_URL: server.url } : {})
  } finally {
    await server?.remove()
  }
}
