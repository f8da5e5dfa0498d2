/** What attacks that cost their sender nothing cost the checks of others. */

import { type Deployment, deploy, post } from './deployment.ts'
import { checkBeside, type Effort, type Figure, steadyChecks } from './figures.ts'
import { resetLogins, sendLoad } from './processes.ts'

/** An e-mail of 16 KB whose normalisation takes quadratic time. */
const LONG_EMAIL = `a${'\u0301'.repeat(3700)}${'\u0323'.repeat(3700)}@x`

interface Attack {
  name: string
  start(deployment: Deployment, seconds: number): Promise<unknown>
}

const attacks: Attack[] = [
  {
    name: 'p99 of a check while 40 e-mails of 16 KB a second come to /login',
    start: ({ port }, seconds) =>
      sendLoad(
        {
          port,
          connections: 8,
          rate: 40,
          seconds,
          requests: [asBytes(post('/login', { email: LONG_EMAIL, password: 'x' }))],
        },
        null,
      ),
  },
  {
    name: 'p99 of a check while 200 logins a second reset their connections',
    start: ({ port }, seconds) => resetLogins(port, seconds),
  },
]

/** @returns a figure for each attack: its checks against calm ones */
export async function measureAttacks({ rounds, seconds }: Effort): Promise<Figure[]> {
  const deployment = await deploy({ core: null })
  const checks = steadyChecks(deployment, seconds)
  const figures: Figure[] = []
  for (const { name, start } of attacks) {
    const samples: number[] = []
    let detail = ''
    for (let round = -1; round < rounds; round++) {
      const calm = await sendLoad(checks)
      const [during] = await checkBeside(checks, (seconds) => start(deployment, seconds))
      if (round < 0) continue
      samples.push(during.p99 / calm.p99)
      detail = `calm ${calm.p99.toFixed(1)} ms, during ${during.p99.toFixed(1)} ms; ${JSON.stringify(during.statuses)}`
    }
    figures.push({ name, bar: 2, less: true, samples, detail })
  }
  await deployment.end()
  return figures
}

/** A request whose characters are the bytes that the load sends. */
function asBytes(request: string): string {
  return Buffer.from(request).toString('latin1')
}
