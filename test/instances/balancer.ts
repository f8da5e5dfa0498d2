import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { type Load, startLoad } from '../faults/load.ts'
import { adapt, createDirectory, freePort, run } from '../gateways/gateways.ts'
import { type PostgresServer, startPostgres } from '../postgres-server.ts'
import { type ServerProcess, until } from '../server-process.ts'
import { createDeployment, type Deployment } from './deployment.ts'

/** Milliseconds for which the database is stopped. */
const DOWNTIME = 1000

export interface BalancedOptions {
  instances: number
  people: number
  /** The duration of the load. */
  seconds: number
  /** Seconds between two instances that are killed and replaced. */
  secondsBetweenKills: number
  /** The number of restarts of the database during the load. */
  restarts: number
}

/** Seconds after the database was back. */
export interface Recovery {
  /** Until every instance was ready. */
  ready: number
  /** Until the last response with `database_unavailable`. */
  quiet: number
}

/** The results of a run. */
export interface Report {
  load: Load
  kills: number
  /** The recovery from each restart of the database. */
  recoveries: Recovery[]
  /** Acknowledged registrations that are not in the database. */
  missing: number
}

/** Runs a load behind a balancer, while instances are killed and replaced and the database is restarted. */
export async function runBalanced(t: Test, options: BalancedOptions): Promise<Report> {
  const { instances, people, seconds, secondsBetweenKills, restarts } = options
  const postgres = await startPostgres({ flags: { fsync: 'on' } })
  t.teardown(() => postgres.remove())
  const deployment = createDeployment(t, postgres.url, { LOG_LEVEL: 'warn', TRUST_PROXY: '127.0.0.1' })
  const ports = await Promise.all(Array.from({ length: instances }, freePort))
  const fleet = await Promise.all(ports.map((port) => startWithRetries(deployment, port)))
  const balancer = await startBalancer(t, ports)
  const load = startLoad({ address: () => balancer, people, pause: 2500 })

  const end = Date.now() + seconds * 1000
  const [kills, recoveries] = await Promise.all([
    killInTurn(deployment, fleet, ports, secondsBetweenKills, end),
    restartDatabase(postgres, fleet, load, restarts, seconds),
  ])
  await load.stop()
  await load.settle()
  await load.stop()
  return { load, kills, recoveries, missing: await countMissing(postgres, deployment, load) }
}

/** Restarts as a supervisor does: an instance that finds no database says so and ends. */
async function startWithRetries(deployment: Deployment, port: number): Promise<ServerProcess> {
  for (;;) {
    try {
      return await deployment.start({ PORT: `${port}` })
    } catch (error) {
      if (!/is unavailable|cannot answer/.test((error as Error).message)) throw error
      await sleep(500)
    }
  }
}

/** Starts HAProxy with the recipe in `examples`, for these instances. */
async function startBalancer(t: Test, ports: number[]): Promise<string> {
  const directory = createDirectory(t)
  const port = await freePort()
  const shipped = [1, 2, 3].map((number) => `    server postern-${number} "\${POSTERN_${number}}"\n`)
  const own = ports.map((instance, index) => `    server postern-${index + 1} 127.0.0.1:${instance}\n`)
  const config = adapt(directory, 'haproxy.cfg', { [shipped.join('')]: own.join('') }, 'load-balancer')
  await run(t, port, 'haproxy', ['-f', config], { LISTEN: `127.0.0.1:${port}` })
  return `http://127.0.0.1:${port}`
}

async function killInTurn(
  deployment: Deployment,
  fleet: ServerProcess[],
  ports: number[],
  secondsBetween: number,
  end: number,
): Promise<number> {
  let kills = 0
  while (Date.now() + secondsBetween * 1000 <= end) {
    const next = Date.now() + secondsBetween * 1000
    const index = kills % ports.length
    kills += 1
    await fleet[index]?.stop('SIGKILL')
    fleet[index] = await startWithRetries(deployment, ports[index] as number)
    await sleep(Math.max(0, next - Date.now()))
  }
  await sleep(Math.max(0, end - Date.now()))
  return kills
}

async function restartDatabase(
  postgres: PostgresServer,
  fleet: ServerProcess[],
  load: Load,
  restarts: number,
  seconds: number,
): Promise<Recovery[]> {
  const pause = (seconds * 1000) / (restarts + 1)
  const recoveries: Recovery[] = []
  await sleep(pause)
  for (let count = 0; count < restarts; count++) {
    // An orderly stop and a crash in turn.
    await postgres.stop(count % 2 === 0 ? 'fast' : 'immediate')
    await sleep(DOWNTIME)
    await postgres.start()
    const isBack = performance.now()
    const secondsSince = (then: number) => Math.max(0, (then - isBack) / 1000)
    await Promise.all(fleet.map(becomesReady))
    const ready = secondsSince(performance.now())
    await sleep(isBack + pause - DOWNTIME - performance.now())
    recoveries.push({ ready, quiet: secondsSince(load.lastSeen.get('database_unavailable') ?? isBack) })
  }
  return recoveries
}

/** Waits until an instance is ready, unless it has ended and is being replaced. */
async function becomesReady({ address, process }: ServerProcess): Promise<void> {
  await until(async () => {
    if (process.exitCode !== null || process.signalCode !== null) return true
    const response = await fetch(`${address}/readyz`).catch(() => undefined)
    return response?.status === 200
  })
}

async function countMissing(postgres: PostgresServer, { env }: Deployment, load: Load): Promise<number> {
  const { Client } = await import('pg').then(({ default: pg }) => pg)
  const client = new Client(postgres.url)
  await client.connect()
  const { rows } = await client.query<{ email: string }>(`select email from ${env['DATABASE_SCHEMA']}.users`)
  await client.end()
  const present = new Set(rows.map(({ email }) => email))
  return load.users.filter(({ email }) => !present.has(email)).length
}
