import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Owner, postgresPrograms, unprivileged } from './postgres-programs.ts'

export interface PostgresOptions {
  /** Settings of the server (postgresql.conf) beside or instead of the usual ones. */
  flags?: Record<string, string>
  /** A free one by default. */
  port?: number
}

/** How a server is told to stop: when its clients have gone, once it has cut them off, or at once as in a crash. */
export type StopMode = 'smart' | 'fast' | 'immediate'

/** A real PostgreSQL server, which is gone with its data when the test's process ends, however that ends. */
export interface PostgresServer {
  /** As a superuser, with the password: `postgres://postgres:…@127.0.0.1:…/postgres`. */
  readonly url: string
  readonly port: number
  /** The postmaster's. */
  readonly pid: number
  /** What the server has written, in all its lives. */
  log(): string
  stop(mode: StopMode): Promise<void>
  /** Starts it again, on the same port and data. */
  start(): Promise<void>
  /** Stops or continues all its processes, as they are. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void
  /** Ends it, and removes its data. */
  remove(): Promise<void>
}

const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const

/** A test wants speed and many connections; what it writes need not outlive it. */
const FLAGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  fsync: 'off',
  // Of the passwords that are set later on: no test is about guessing them.
  scram_iterations: '1',
}

/** Waits for the end of whoever holds its standard input, then ends the server and removes its directory. */
const TETHER = `
  cat >/dev/null
  if pid=$(head -n 1 "$0/data/postmaster.pid" 2>/dev/null); then
    kill -QUIT "$pid"; kill -CONT "$pid"
    for i in $(seq 100); do [ -e "$0/data/postmaster.pid" ] || break; sleep 0.1; done
  fi
  rm -rf "$0"
`

/** Makes a server with an empty database `postgres`, and starts it. */
export async function startPostgres({ flags = {}, port }: PostgresOptions = {}): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-postgres-'))
  const tether = holdTether(directory)
  const owner = unprivileged()
  if (owner) chownSync(directory, owner.uid, owner.gid)
  const bin = postgresPrograms(directory, owner)
  const data = join(directory, 'data')
  const password = randomBytes(16).toString('hex')
  makeCluster(join(bin, 'initdb'), data, password, owner)

  const log = openSync(join(directory, 'log'), 'a')
  const listening = port ?? (await freePort())
  let server: ChildProcess

  async function start(): Promise<void> {
    const settings = Object.entries({ ...FLAGS, port: String(listening), ...flags })
    const parameters = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])
    // A group of its own: an interrupt from the keyboard is for the test, and the tether does the rest.
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
      // The parent is stopped first, since it could make another child, and continued last.
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

/** Makes the data directory, and the superuser. */
function makeCluster(initdb: string, data: string, password: string, owner?: Owner): void {
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

/** Below those that the system hands out by itself: while the server is down, nobody else is given it. */
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

/** As `pg_ctl` finds out: the first line of this file is the process, the eighth how it is. */
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
    // It has ended meanwhile.
  }
}
