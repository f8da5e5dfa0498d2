/** Starts what a benchmark needs: servers on one core, load on the other. */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Sample } from './baselines.ts'
import type { HostReady } from './host.ts'
import type { Load, Outcome } from './load.ts'

const canPin = process.platform === 'linux' && availableParallelism() > 1
/** Runs a process before all others, if the system allows it. */
const AHEAD = ['chrt', '--fifo', '10']
const canRunAhead = canPin && spawnSync('chrt', [...AHEAD.slice(1), 'true']).status === 0
const file = (name: string) => new URL(name, import.meta.url).pathname
/** The options of Node.js in `npm start`. */
const START: string[] = JSON.parse(readFileSync(file('../package.json'), 'utf8'))
  .scripts.start.split(' ')
  .slice(1)

/** Starts a module of this folder. */
function forkOn(
  core: number | null,
  name: string,
  parameters: string[] = [],
  before: string[] = [],
): ChildProcess {
  if (core === null || !canPin) return fork(file(name), parameters)
  const command = [...before, 'taskset', '-c', String(core), process.execPath, file(name), ...parameters]
  return spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

async function answerOf<T>(child: ChildProcess): Promise<T> {
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`a process of the benchmark ended with ${code}`)
    }),
  ])
  return message as T
}

/** A running server. */
export interface Server {
  child: ChildProcess
  port: number
}

/**
 * Starts Postern as `npm start` does, without a log.
 *
 * @param core the only one that it may use; null for all
 */
export async function startPostern(
  env: Record<string, string>,
  core: number | null = 0,
): Promise<Server & { milliseconds: number }> {
  const begun = performance.now()
  const command = [process.execPath, ...START]
  const [program, ...rest] = core !== null && canPin ? ['taskset', '-c', String(core), ...command] : command
  const child = spawn(program as string, rest, {
    cwd: file('..'),
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', LOG_LEVEL: 'silent', THROTTLE: 'false', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    let text = ''
    child.stderr?.on('data', (chunk) => {
      text += chunk
      const found = /ready at http:\/\/[^:]+:(\d+)/.exec(text)?.[1]
      if (found !== undefined) resolve(Number(found))
    })
    child.once('exit', () => reject(new Error(`Postern did not start: ${text}`)))
  })
  await fetch(`http://127.0.0.1:${port}/healthz`)
  return { child, port, milliseconds: performance.now() - begun }
}

/** Starts the baselines. */
export async function startBaselines(sample: Sample): Promise<Server> {
  const child = forkOn(0, 'baselines.ts')
  child.send(sample)
  return { child, port: await answerOf<number>(child) }
}

/** Starts the route with one SELECT per request. */
export async function startSelect(databaseUrl: string, sample: Sample): Promise<Server> {
  const child = forkOn(0, 'select.ts', [databaseUrl])
  child.send(sample)
  return { child, port: await answerOf<number>(child) }
}

/** Starts a host app with Postern in it. */
export async function startHost(): Promise<Server & HostReady> {
  const child = forkOn(0, 'host.ts')
  return { child, ...(await answerOf<HostReady>(child)) }
}

/**
 * Sends a load from the core that the servers do not use. A process that measures latency runs there with priority,
 * since it stands for clients on other machines.
 */
export async function sendLoad(load: Load, core: number | null = 1): Promise<Outcome> {
  const child = forkOn(core, 'load.ts', [], load.rate !== undefined && canRunAhead ? AHEAD : [])
  child.send(load)
  return await answerOf<Outcome>(child)
}

/** Hashes per second of bare bcrypt on all cores. */
export async function measureHashes(seconds: number, cost: number): Promise<number> {
  return await answerOf<number>(forkOn(null, 'hashes.ts', [String(seconds), String(cost)]))
}

/** Logs in and out continuously, and counts how often. */
export async function runSessions(port: number, connections: number, seconds: number): Promise<number> {
  return await answerOf<number>(
    forkOn(null, 'sessions.ts', [String(port), String(connections), String(seconds)]),
  )
}

/** Sends logins whose connections are reset, beside the load, and counts them. */
export async function resetLogins(port: number, seconds: number): Promise<number> {
  return await answerOf<number>(forkOn(1, 'resets.ts', [String(port), String(seconds)]))
}

export async function stop({ child }: Server): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
