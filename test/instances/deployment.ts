import type { Test } from 'tap'
import { postern } from '../cli.ts'
import { type ServerProcess, startServer } from '../server-process.ts'

/** What every instance of a deployment has in common. */
export const SECRET_KEY = 'a secret for tests, of 32 bytes or more'

/** For tests in which nothing is to fail, on a machine that may have much else to do. */
export const PATIENT = {
  DATABASE_CONNECT_TIMEOUT_MS: '30000',
  DATABASE_STATEMENT_TIMEOUT_MS: '30000',
  DATABASE_LOCK_TIMEOUT_MS: '30000',
}

let schemas = 0

/** Instances on one database. */
export interface Deployment {
  /** The settings of each. */
  env: Record<string, string>
  /** Starts one more. */
  start(env?: Record<string, string>): Promise<ServerProcess>
  /** Runs a command of `postern` with the same settings; returns what it prints. */
  command(...args: string[]): Promise<string>
}

/** A deployment that has no instance yet, and a schema of its own. */
export function createDeployment(t: Test, url: string, more: Record<string, string> = {}): Deployment {
  schemas += 1
  const cwd = t.testdir()
  const env = { DATABASE_URL: url, DATABASE_SCHEMA: `deployment_${schemas}`, SECRET_KEY, ...more }
  return {
    env,
    start: (different = {}) => startServer(t, { cwd, env: { ...env, ...different } }),
    async command(...args) {
      const { code, stdout, stderr } = await postern(args, { cwd, env })
      if (code !== 0) throw new Error(`postern ${args.join(' ')}: ${stderr}`)
      return stdout
    },
  }
}
