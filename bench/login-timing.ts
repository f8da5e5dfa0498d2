/**
 * Whether the duration of a refused login reveals that a user exists. It sends pairs of logins, one with an unknown
 * e-mail and one with a wrong password.
 *
 *     npm run bench:login -- --pairs 200
 */
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/settings/environment.ts'

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '200' },
    cost: { type: 'string', default: '12' },
  },
})
const pairs = Number(values.pairs)

const known = { email: 'ada@example.com', password: 'correct horse battery staple' }
const attempts = {
  unknownEmail: { email: 'eve@example.com', password: 'a wrong password' },
  wrongPassword: { email: known.email, password: 'a wrong password' },
}
type Attempt = keyof typeof attempts

const app = await buildApp(
  readConfig({ DATABASE_URL: ':memory:', BCRYPT_COST: values.cost, LOG_LEVEL: 'silent', THROTTLE: 'false' }),
)
const address = await app.listen({ host: '127.0.0.1', port: 0 })
await post('/register', known, 201)

const times: Record<Attempt, number[]> = { unknownEmail: [], wrongPassword: [] }
for (const attempt of Object.keys(attempts) as Attempt[]) await measure(attempt)
for (let pair = 0; pair < pairs; pair++) {
  // They take turns, since the second one finds a warmer machine.
  const order: Attempt[] = pair % 2 ? ['unknownEmail', 'wrongPassword'] : ['wrongPassword', 'unknownEmail']
  for (const attempt of order) times[attempt].push(await measure(attempt))
}
await app.close()

const unknownEmail = median(times.unknownEmail)
const wrongPassword = median(times.wrongPassword)
console.log(`${pairs} pairs at cost ${values.cost}`)
console.log(`unknown e-mail  ${unknownEmail.toFixed(2)} ms (median)`)
console.log(`wrong password  ${wrongPassword.toFixed(2)} ms (median)`)
console.log(`ratio           ${(unknownEmail / wrongPassword).toFixed(4)}`)

/** Milliseconds that a refused login takes. */
async function measure(attempt: Attempt): Promise<number> {
  const start = performance.now()
  await post('/login', attempts[attempt], 401)
  return performance.now() - start
}

async function post(path: string, body: object, expectedStatus: number): Promise<void> {
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
