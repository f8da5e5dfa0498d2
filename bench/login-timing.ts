/**
 * Whether the duration of a refused login reveals that a user exists, or that their hash is older than BCRYPT_COST. It
 * sends rounds of logins: with an unknown e-mail, and with wrong passwords of two users.
 *
 *     npm run bench:login -- --rounds 200
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/settings/environment.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    cost: { type: 'string', default: '12' },
    former: { type: 'string', default: '10' },
  },
})
const rounds = Number(values.rounds)

const password = 'correct horse battery staple'
const emails = {
  'unknown e-mail': 'eve@example.com',
  'wrong password': 'ada@example.com',
  'wrong password, former cost': 'bob@example.com',
} as const
const names = Object.keys(emails) as (keyof typeof emails)[]

const directory = mkdtempSync(join(tmpdir(), 'login-timing-'))
const former = await start(values.former)
await post(former.address, '/register', { email: emails['wrong password, former cost'], password }, 201)
await former.app.close()
const { app, address } = await start(values.cost)
await post(address, '/register', { email: emails['wrong password'], password }, 201)

const times = new Map(names.map((name) => [name, [] as number[]]))
for (const name of names) await measure(name)
for (let round = 0; round < rounds; round++) {
  // They take turns, since the next one finds a warmer machine.
  for (let turn = 0; turn < names.length; turn++) {
    const name = names[(round + turn) % names.length] as (typeof names)[number]
    times.get(name)?.push(await measure(name))
  }
}
await app.close()
rmSync(directory, { recursive: true })

const medians = names.map((name) => median(times.get(name) ?? []))
console.log(`${rounds} rounds at cost ${values.cost}, and a user of cost ${values.former}`)
for (const [index, name] of names.entries()) {
  const [took = Number.NaN, unknown = Number.NaN] = [medians[index], medians[0]]
  console.log(`${name.padEnd(28)} ${took.toFixed(2)} ms (median)  ratio ${(took / unknown).toFixed(4)}`)
}

async function start(cost: string) {
  const app = await buildApp(
    readConfig({
      DATABASE_URL: join(directory, 'postern.db'),
      BCRYPT_COST: cost,
      LOG_LEVEL: 'silent',
      THROTTLE: 'false',
    }),
  )
  return { app, address: await app.listen({ host: '127.0.0.1', port: 0 }) }
}

/** Milliseconds that a refused login takes. */
async function measure(name: keyof typeof emails): Promise<number> {
  const start = performance.now()
  await post(address, '/login', { email: emails[name], password: 'a wrong password' }, 401)
  return performance.now() - start
}

async function post(address: string, path: string, body: object, expectedStatus: number): Promise<void> {
  const response = await fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  await response.arrayBuffer()
  if (response.status !== expectedStatus) throw new Error(`${path} answered ${response.status}`)
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}
