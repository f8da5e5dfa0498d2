/**
 * What `app.authenticate` costs a host app's route: its throughput against that of the same route without it.
 *
 *     npm run bench:guard -- [--rounds 9] [--seconds 2] [--connections 64]
 */
import { parseArgs } from 'node:util'
import { sendLoad, startHost, stop } from './processes.ts'

/** At least. */
const BAR = 0.8

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '64' },
  },
})

const host = await startHost()
const requestsOf = (path: string) =>
  host.tokens.map((token) => `GET ${path} HTTP/1.1\r\nHost: host\r\nAuthorization: Bearer ${token}\r\n\r\n`)
const guarded = requestsOf('/guarded')
const unguarded = requestsOf('/unguarded')

async function perSecond(requests: string[]): Promise<number> {
  const outcome = await sendLoad({
    port: host.port,
    connections: Number(values.connections),
    seconds: Number(values.seconds),
    requests,
  })
  const refused = Object.keys(outcome.statuses).filter((status) => status !== '200')
  if (refused.length > 0) throw new Error(`answers other than 200: ${JSON.stringify(outcome.statuses)}`)
  return outcome.perSecond
}

const { status } = await fetch(`http://127.0.0.1:${host.port}/guarded`)
if (status !== 401) throw new Error('the guard admits requests without a token')

const ratios: number[] = []
for (let round = -1; round < Number(values.rounds); round++) {
  // They take turns to begin a round.
  const first = round % 2 === 0 ? guarded : unguarded
  const rates = new Map<string[], number>()
  for (const requests of [first, first === guarded ? unguarded : guarded]) {
    rates.set(requests, await perSecond(requests))
  }
  const [withGuard = 0, without = 0] = [rates.get(guarded), rates.get(unguarded)]
  // The first round is a warm-up.
  if (round < 0) continue
  ratios.push(withGuard / without)
  console.log(
    `${withGuard.toFixed(0)} / ${without.toFixed(0)} requests per second = ${(withGuard / without).toFixed(3)}`,
  )
}
await stop(host)

const sorted = ratios.toSorted((a, b) => a - b)
const median = sorted[Math.floor(sorted.length / 2)] ?? 0
const range = `${sorted.at(0)?.toFixed(3)} to ${sorted.at(-1)?.toFixed(3)}`
console.log(`\nguarded against unguarded: median ${median.toFixed(3)} (${range}), at least ${BAR}`)
process.exitCode = median >= BAR ? 0 : 1
