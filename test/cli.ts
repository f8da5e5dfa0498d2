import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { nodeCommand } from './node-command.ts'
import { COMPILE_CACHE, type Exit } from './server-process.ts'

const NODE_VERSION = new URL('../src/runtime/preload.js', import.meta.url).href
const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

export interface CliOptions {
  /** The working directory, with the service's data and its `.env`. */
  cwd: string
  /** Settings. The process inherits nothing else from the test's environment. */
  env?: Record<string, string>
  /** URLs of modules that run before the command. */
  preload?: string[]
  /** Standard input; empty by default. */
  input?: string | Buffer
}

/** A command that is running. */
export interface RunningCommand {
  process: ChildProcess
  stdout(): string
  stderr(): string
  exit: Promise<Exit>
}

/** Starts a command in its own process, as `npm run postern` does. */
export function startPostern(args: string[], options: CliOptions): RunningCommand {
  const { cwd, env = {}, preload = [], input } = options
  const imports = [...preload, NODE_VERSION].flatMap((url) => ['--import', url])
  const child = spawn(...nodeCommand([...imports, CLI, ...args]), {
    cwd,
    env: { ...COMPILE_CACHE, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // The command may exit before it has read all of its input.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exit = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  return { process: child, stdout: () => stdout, stderr: () => stderr, exit }
}

/** Runs a command and waits until it exits. */
export async function postern(args: string[], options: CliOptions): Promise<Exit> {
  return await startPostern(args, options).exit
}

/** Runs a command with `--json` and parses what it prints. @throws if the command fails */
export async function posternJson(args: string[], options: CliOptions): Promise<Record<string, string>[]> {
  const { code, stdout, stderr } = await postern([...args, '--json'], options)
  if (code !== 0) throw new Error(`postern ${args.join(' ')}: ${stderr}`)
  return JSON.parse(stdout)
}
