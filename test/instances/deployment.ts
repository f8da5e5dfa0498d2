import type { Test } from 'tap'
import { postern } from '../cli.ts'
import { type ServerProcess, startServer } from '../server-process.ts'

/** The secret that all instances of a deployment share. */
export const SECRET_KEY = 'a secret for tests, of 32 bytes or more'

/** Long timeouts, for tests in which no request may fail, even on a busy machine. */
export const PATIENT = {
  DATABASE_CONNECT_TIMEOUT_MS: '30000',
  DATABASE_STATEMENT_TIMEOUT_MS: '30000',
  DATABASE_LOCK_TIMEOUT_MS: '30000',
}

let schemas = 0

/** Instances on one database. */
export interface Deployment {
  /** The settings of each instance. */
  env: Record<string, string>
  /** Starts another instance. */
  start(env?: Record<string, string>): Promise<ServerProcess>
  /** Runs a command of `postern` with the same settings. @returns what it prints */
  command(...args: string[]): Promise<string>
}

/** A deployment without instances, in its own schema. */
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
