import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createDirectory, freePort, listens } from '../gateways/gateways.ts'
import { unprivileged } from '../postgres-programs.ts'
import { until } from '../server-process.ts'

/** A PgBouncer in transaction mode. */
export interface PgBouncer {
  /** Its URL, for the same user and database as the server's. */
  url: string
  /** Its log. */
  log(): string
  stop(signal?: NodeJS.Signals): Promise<void>
  start(): Promise<void>
}

/**
 * Starts Debian's PgBouncer in front of a PostgreSQL server, with three connections to it. It ends with its test.
 *
 * @param url of the server
 */
export async function startPgBouncer(t: Test, url: string): Promise<PgBouncer> {
  const { hostname, port, username, password, pathname } = new URL(url)
  const directory = createDirectory(t)
  const listening = await freePort()
  const users = join(directory, 'users.txt')
  const config = join(directory, 'pgbouncer.ini')
  writeFileSync(users, `"${username}" "${password}"\n`)
  writeFileSync(
    config,
    `[databases]
${pathname.slice(1)} = host=${hostname} port=${port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listening}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
server_login_retry = 1
`,
  )
  let child: ChildProcess
  let log = ''

  async function start(): Promise<void> {
    const path = `${process.env['PATH']}:/usr/sbin`
    // It refuses to run as root.
    child = spawn('pgbouncer', [config], {
      ...unprivileged(),
      env: { PATH: path },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
    child.once('error', ({ message }) => (log += message))
    await until(async () => child.exitCode !== null || child.pid === undefined || (await listens(listening)))
    if (child.exitCode !== null || child.pid === undefined) throw new Error(`pgbouncer did not start: ${log}`)
  }

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }

  await start()
  t.teardown(() => stop('SIGKILL'))
  const pooled = Object.assign(new URL(url), { port: `${listening}` })
  return { url: pooled.href, log: () => log, start, stop }
}
