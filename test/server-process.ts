import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { ada } from './helper.ts'
import { nodeCommand } from './node-command.ts'

/** Ends the server when the test's process ends, even if that is killed before it can clean up. */
const TETHER =
  "data:text/javascript,process.on('disconnect', () => process.kill(process.pid, 'SIGKILL')).channel?.unref()"

/** The directory of this checkout. */
const ROOT = new URL('..', import.meta.url)

/** The arguments of Node.js that start the server as `npm start` does, without the sizes of its heap. */
function commandIn(root: URL): string[] {
  const preload = new URL('src/runtime/preload.js', root).href
  return ['--import', TETHER, '--import', preload, fileURLToPath(new URL('src/server.ts', root))]
}

/** Lets processes reuse what an earlier one has compiled, which halves the time to start. */
export const COMPILE_CACHE = {
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url)),
}

/** The default settings of tests: any free port, the cheapest hashes that the settings allow, and no throttling. */
const SETTINGS = { PORT: '0', BCRYPT_COST: '10', THROTTLE: 'false' }

export interface StartOptions {
  /** The working directory, with the server's data and its `.env`. */
  cwd: string
  /** Settings, which override the default ones. The process inherits nothing else from the test's environment. */
  env?: Record<string, string>
  /** URLs of modules that run before the server, and that can receive messages from the test. */
  preload?: string[]
  /** The directory of another checkout. */
  root?: URL
}

/** How a process ended, and what it printed. */
export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** A server in its own process. */
export interface ServerProcess {
  /** Where it listens: `http://127.0.0.1:…`. */
  address: string
  process: ChildProcess
  stdout(): string
  stderr(): string
  exit: Promise<Exit>
  /** Sends a signal, and waits until the server has ended. */
  stop(signal?: NodeJS.Signals): Promise<Exit>
}

/** Starts the real server and waits until it listens. It ends when the test ends. */
export async function startServer(t: Test, options: StartOptions): Promise<ServerProcess> {
  const started = spawnServer(t, options)
  const ready = new Promise<string>((resolve, reject) => {
    started.process.stderr?.on('data', () => {
      const address = /ready at (\S+)/.exec(started.stderr())?.[1]
      if (address) resolve(address)
    })
    started.exit.then(({ stderr }) => reject(new Error(`The server did not start: ${stderr}`)), reject)
  })
  return { ...started, address: await ready }
}

/** Starts a server that is expected to exit without a signal, and waits for that. */
export async function runServer(t: Test, options: StartOptions): Promise<Exit> {
  return await spawnServer(t, options).exit
}

function spawnServer(t: Test, options: StartOptions): Omit<ServerProcess, 'address'> {
  const { cwd, env = {}, preload = [], root = ROOT } = options
  const preloads = preload.flatMap((url) => ['--import', url])
  const child = spawn(...nodeCommand([...preloads, ...commandIn(root)]), {
    cwd,
    env: { ...COMPILE_CACHE, ...SETTINGS, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exit = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return exit
  }
  t.teardown(() => stop('SIGKILL'))
  return { process: child, stdout: () => stdout, stderr: () => stderr, exit, stop }
}

/** Posts a body as JSON. */
export async function postJson(url: string, body: unknown): Promise<Response> {
  return await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** Logs a user in over HTTP. @returns an access token */
export async function logInAt(address: string, { email, password }: typeof ada): Promise<string> {
  const response = await postJson(`${address}/login`, { email, password })
  const { access_token } = (await response.json()) as { access_token: string }
  return access_token
}

/** Waits until a condition is true, for as long as the test's timeout allows. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}
