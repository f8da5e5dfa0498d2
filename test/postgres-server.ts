import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Owner, postgresPrograms, unprivileged } from './postgres-programs.ts'

export interface PostgresOptions {
  /** Settings of the server (postgresql.conf), which override the default ones of tests. */
  flags?: Record<string, string>
  /** A free port by default. */
  port?: number
}

/** As for `pg_ctl stop`: wait for clients to disconnect, disconnect them, or stop at once as in a crash. */
export type StopMode = 'smart' | 'fast' | 'immediate'

/** A real PostgreSQL server. It ends when the test's process ends, even by SIGKILL, and its data is removed. */
export interface PostgresServer {
  /** The superuser's URL, with the password: `postgres://postgres:…@127.0.0.1:…/postgres`. */
  readonly url: string
  readonly port: number
  /** The postmaster's process id. */
  readonly pid: number
  /** The server's log, since its first start. */
  log(): string
  stop(mode: StopMode): Promise<void>
  /** Starts it again, with the same port and data. */
  start(): Promise<void>
  /** Suspends or resumes all its processes. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void
  /** Stops it and removes its data. */
  remove(): Promise<void>
}

const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const

/** Tests need speed and many connections, and no durability. */
const FLAGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  fsync: 'off',
  // For passwords that are set later. No test tries to guess them.
  scram_iterations: '1',
}

/** A shell script that stops the server and removes its directory when standard input closes: the test has ended. */
const TETHER = `
  cat >/dev/null
  if pid=$(head -n 1 "$0/data/postmaster.pid" 2>/dev/null); then
    kill -QUIT "$pid"; kill -CONT "$pid"
    for i in $(seq 100); do [ -e "$0/data/postmaster.pid" ] || break; sleep 0.1; done
  fi
  rm -rf "$0"
`

/** Creates a server with an empty database `postgres`, and starts it. */
export async function startPostgres({ flags = {}, port }: PostgresOptions = {}): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-postgres-'))
  const tether = holdTether(directory)
  const owner = unprivileged()
  if (owner) chownSync(directory, owner.uid, owner.gid)
  const bin = postgresPrograms(directory, owner)
  const data = join(directory, 'data')
  const password = randomBytes(16).toString('hex')
  createCluster(join(bin, 'initdb'), data, password, owner)

  const log = openSync(join(directory, 'log'), 'a')
  const listening = port ?? (await freePort())
  let server: ChildProcess

  async function start(): Promise<void> {
    const settings = Object.entries({ ...FLAGS, port: String(listening), ...flags })
    const parameters = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])
    // Its own process group: Ctrl+C interrupts only the test, and the tether then stops the server.
    server = spawn(join(bin, 'postgres'), ['-D', data, ...parameters], {
      ...owner,
      cwd: directory,
      detached: true,
      stdio: ['ignore', log, log],
    })
    while (!isReady(data, server.pid)) {
      if (server.exitCode !== null || server.signalCode !== null) {
        throw new Error(`PostgreSQL did not start: ${readFileSync(join(directory, 'log'), 'utf8')}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    server.unref()
  }

  async function stop(mode: StopMode): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.ref()
    const exit = once(server, 'exit')
    server.kill(STOP_SIGNALS[mode])
    await exit
  }

  await start()
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${listening}/postgres`,
    port: listening,
    get pid() {
      return server.pid as number
    },
    log: () => readFileSync(join(directory, 'log'), 'utf8'),
    start,
    stop,
    signal(signal) {
      const pid = server.pid as number
      // The parent could start another child, so it is suspended first and resumed last.
      if (signal === 'SIGSTOP') signalProcess(pid, signal)
      for (const child of childrenOf(pid)) signalProcess(child, signal)
      if (signal === 'SIGCONT') signalProcess(pid, signal)
    },
    async remove() {
      await stop('immediate')
      closeSync(log)
      tether.ref()
      tether.stdin?.end()
      await once(tether, 'exit')
    },
  }
}

function holdTether(directory: string): ChildProcess {
  const tether = spawn('sh', ['-c', TETHER, directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  tether.unref()
  ;(tether.stdin as Socket).unref()
  return tether
}

/** Creates the data directory and the superuser. */
function createCluster(initdb: string, data: string, password: string, owner?: Owner): void {
  const passwordFile = join(dirname(data), 'password')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (owner) chownSync(passwordFile, owner.uid, owner.gid)
  const parameters = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  const { status, stderr, error } = spawnSync(
    initdb,
    [`--pgdata=${data}`, ...parameters, '--encoding=UTF8', '--locale=C', '--no-sync'],
    { ...owner, cwd: dirname(data), encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? stderr}`)
  rmSync(passwordFile)
}

/** A free port below the ephemeral ones, so that the system gives it to no other process while the server is down. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Reads the status as `pg_ctl` does: line 1 of postmaster.pid is the process id, line 8 the status. */
function isReady(data: string, pid: number | undefined): boolean {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
  } catch {
    return false
  }
}

function childrenOf(pid: number): number[] {
  if (process.platform === 'linux') {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  }
  const table = execFileSync('ps', ['-A', '-o', 'ppid=,pid='], { encoding: 'utf8' })
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  return rows.filter(([parent]) => parent === pid).map(([, child]) => child as number)
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has already ended.
  }
}
