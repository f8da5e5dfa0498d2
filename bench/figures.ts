/** The figures and their goals. Each figure is a ratio against a baseline in the same run, unless it has a unit. */
import { setTimeout } from 'node:timers/promises'
import type { Sample } from './baselines.ts'
import { ada, type Deployment, deploy, get, post } from './deployment.ts'
import type { Load, Outcome } from './load.ts'
import {
  measureHashes,
  runSessions,
  type Server,
  sendLoad,
  startBaselines,
  startPostern,
  stop,
} from './processes.ts'

/** One line of the table. */
export interface Figure {
  name: string
  /** The goal: at least, or at most if `less` is better. 0 for none. */
  bar: number
  less?: true
  unit?: string
  /** One sample for each round. */
  samples: number[]
  /** The numbers behind the ratio. */
  detail?: string
}

/** A figure, summed up. */
export interface Result extends Omit<Figure, 'samples'> {
  median: number
  low: number
  high: number
  reached: boolean
}

/** How long and how often. */
export interface Effort {
  rounds: number
  seconds: number
}

const CONNECTIONS = 64
const RATE = 200
/** Seconds for a process that sends a load to start. On few cores its start would disturb the measurement. */
const COMING_UP = 1
/** The least seconds to measure a p99, so that it does not depend on a handful of requests. */
const LONG = 8

/** Throughput of one kind of request, in requests per second. */
export async function throughput(server: Server, requests: string[], { seconds }: Effort): Promise<number> {
  const outcome = await sendLoad({ port: server.port, connections: CONNECTIONS, seconds, requests })
  const refused = Object.keys(outcome.statuses).filter((status) => status !== '200')
  if (refused.length > 0) throw new Error(`answers other than 200: ${JSON.stringify(outcome.statuses)}`)
  return outcome.perSecond
}

/** The response of a deployment that the baselines send too. */
export async function sampleOf({ port, publicKey }: Deployment, token: string): Promise<Sample> {
  const response = await fetch(`http://127.0.0.1:${port}/getUser`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const kept = [...response.headers].filter(
    ([name]) => !['connection', 'content-length', 'content-type', 'date', 'keep-alive'].includes(name),
  )
  return { publicKey, headers: Object.fromEntries(kept), body: (await response.json()) as Sample['body'] }
}

/** The throughput of checks. */
export async function measureChecks(effort: Effort): Promise<Figure[]> {
  const deployment = await deploy()
  const logging = await startPostern({ ...deployment.env, LOG_LEVEL: 'info' })
  const tokens = deployment.createTokens(200)
  const baselines = await startBaselines(await sampleOf(deployment, tokens[0] ?? ''))
  const get200 = (path: string, from = tokens) => from.map((token) => get(path, token))
  const figures = {
    getUser: { name: 'GET /getUser against a bare route', bar: 0.75, samples: [] as number[] },
    stateless: { name: 'the same against a stateless @fastify/jwt check', bar: 1.7, samples: [] as number[] },
    usual: { name: 'that stateless check against a bare route', bar: 0, samples: [] as number[] },
    verify: { name: '/verify against a bare route without a body', bar: 0.75, samples: [] as number[] },
    logged: { name: 'GET /getUser with a log line for each request', bar: 0, samples: [] as number[] },
    fresh: { name: 'tokens never seen before, against one crypto.verify', bar: 0.8, samples: [] as number[] },
  }
  for (let round = -1; round < effort.rounds; round++) {
    const bare = await throughput(baselines, get200('/bare'), effort)
    const getUser = await throughput(deployment, get200('/getUser'), effort)
    const stateless = await throughput(baselines, get200('/stateless'), effort)
    const bareEmpty = await throughput(baselines, get200('/bare-empty'), effort)
    const verify = await throughput(deployment, get200('/verify'), effort)
    const logged = await throughput(logging, get200('/getUser'), effort)
    const unseen = get200('/getUser', deployment.createTokens(Math.round(20_000 * effort.seconds)))
    const signature = await throughputOnce(
      baselines,
      get200('/signature', deployment.createTokens(unseen.length)),
      effort,
    )
    const fresh = await throughputOnce(deployment, unseen, effort)
    // The first round warms everything up.
    if (round < 0) continue
    figures.getUser.samples.push(getUser / bare)
    figures.stateless.samples.push(getUser / stateless)
    figures.usual.samples.push(stateless / bare)
    figures.verify.samples.push(verify / bareEmpty)
    figures.logged.samples.push(logged / bare)
    figures.fresh.samples.push(fresh / signature)
  }
  await stop(logging)
  await stop(baselines)
  await deployment.end()
  return Object.values(figures)
}

/** The throughput of requests that may be sent only once each. */
async function throughputOnce(server: Server, requests: string[], { seconds }: Effort): Promise<number> {
  const load = { port: server.port, connections: CONNECTIONS, seconds, requests, once: true }
  const { perSecond, sent, answered } = await sendLoad(load)
  if (sent >= requests.length) throw new Error('there were too few tokens for the time')
  return answered === 0 ? Number.NaN : perSecond
}

/** Whether a check costs the same with a large database. */
export async function measureGrowth(effort: Effort): Promise<Figure[]> {
  const empty = await deploy()
  const full = await deploy({ users: 1_000_000, revoked: 1_000_000 })
  const of = (deployment: Deployment) => deployment.createTokens(200).map((token) => get('/getUser', token))
  const [emptyRequests, fullRequests] = [of(empty), of(full)]
  const samples: number[] = []
  for (let round = -1; round < effort.rounds; round++) {
    const before = await throughput(empty, emptyRequests, effort)
    const after = await throughput(full, fullRequests, effort)
    if (round >= 0) samples.push(after / before)
  }
  await empty.end()
  await full.end()
  return [{ name: 'GET /getUser with 1 million users and 1 million revoked tokens', bar: 0.95, samples }]
}

/** Logins, and what they cost checks. */
export async function measureLogins({ rounds, seconds }: Effort): Promise<Figure[]> {
  const deployment = await deploy({ core: null })
  const { port } = deployment
  const checks = steadyChecks(deployment, seconds)
  const login = [post('/login', ada)]
  const figures = {
    logins: { name: 'logins per second against bare bcrypt', bar: 0.95, samples: [] as number[] },
    flood: {
      name: 'p99 of a check while 64 connections flood /login',
      bar: 2,
      less: true as const,
      samples: [] as number[],
    },
  }
  let worst = ''
  for (let round = -1; round < rounds; round++) {
    const hashes = await measureHashes(checks.seconds, 12)
    const logins = await sendLoad({ port, connections: 16, seconds: checks.seconds, requests: login }, null)
    const alone = await sendLoad(checks)
    const [during, flood] = await checkBeside(checks, (seconds) =>
      sendLoad({ port, connections: 64, seconds, requests: login }, null),
    )
    if (round < 0) continue
    figures.logins.samples.push((logins.statuses['200'] ?? 0) / checks.seconds / hashes)
    figures.flood.samples.push(during.p99 / alone.p99)
    worst =
      `alone ${alone.p99.toFixed(1)} ms, during ${during.p99.toFixed(1)} ms; ` +
      `flood ${JSON.stringify(flood.statuses)}, slowest ${flood.max.toFixed(0)} ms`
  }
  await deployment.end()
  return [figures.logins, { ...figures.flood, detail: worst }]
}

/** Checks of 200 tokens at a steady rate. */
export function steadyChecks({ port, createTokens }: Deployment, seconds: number): Load {
  const requests = createTokens(200).map((token) => get('/getUser', token))
  return { port, connections: CONNECTIONS, rate: RATE, seconds: Math.max(LONG, 2 * seconds), requests }
}

/** Sends checks while other work runs, from before the first of them until after the last. */
export async function checkBeside<T>(
  checks: Load,
  work: (seconds: number) => Promise<T>,
): Promise<[Outcome, T]> {
  const working = work(COMING_UP + checks.seconds + 1)
  await setTimeout(COMING_UP * 1000)
  return await Promise.all([sendLoad(checks), working])
}

/** What the commits of logins and logouts cost checks. */
export async function measureWrites({ rounds, seconds }: Effort): Promise<Figure[]> {
  const deployment = await deploy({ core: null })
  const { port } = deployment
  const checks = steadyChecks(deployment, seconds)
  const samples: number[] = []
  let detail = ''
  for (let round = -1; round < rounds; round++) {
    const alone = await sendLoad(checks)
    const [during, sessions] = await checkBeside(checks, (seconds) => runSessions(port, 16, seconds))
    if (round < 0) continue
    samples.push(during.p99 / alone.p99)
    detail = `alone ${alone.p99.toFixed(1)} ms, during ${during.p99.toFixed(1)} ms; ${sessions} logins and logouts`
  }
  await deployment.end()
  return [{ name: 'p99 of a check while 16 connections log in and out', bar: 2, less: true, samples, detail }]
}

/** From the start of the process to its first answer. */
export async function measureStart({ rounds }: Effort): Promise<Figure[]> {
  const deployment = await deploy()
  const samples: number[] = []
  for (let round = 0; round < Math.max(5, rounds); round++) {
    const started = await startPostern(deployment.env, null)
    samples.push(started.milliseconds)
    await stop(started)
  }
  await deployment.end()
  return [{ name: 'from start to the first answer', bar: 400, less: true, unit: 'ms', samples }]
}
