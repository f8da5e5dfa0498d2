/** Whether memory stays bounded under ever new tokens. */
import { readFileSync } from 'node:fs'
import { ada, deploy, get, post } from './deployment.ts'
import type { Figure } from './figures.ts'
import { sendLoad } from './processes.ts'

/** Tokens of one batch; each is sent once. */
const BATCH = 20_000

/**
 * Loads a deployment for some minutes with distinct valid tokens, garbage, and logins with distinct e-mails.
 *
 * @param minutes ten reach a million distinct tokens
 */
export async function measureMemory(minutes: number): Promise<Figure[]> {
  const deployment = await deploy()
  const { port, child } = deployment
  const begun = performance.now()
  const elapsed = () => (performance.now() - begun) / 60_000
  let afterAMinute = 0
  let sent = 0
  while (elapsed() < minutes) {
    const tokens = deployment.createTokens(BATCH)
    const garbage = tokens
      .slice(0, BATCH / 4)
      .map((token) => get('/getUser', `${token.slice(0, -9)}AAAAAAAAA`))
    const requests = [...tokens.map((token) => get('/getUser', token)), ...garbage]
    const logins = Array.from({ length: 50 }, (_, index) =>
      post('/login', { ...ada, email: `${sent}-${index}@example.com` }),
    )
    const [checks] = await Promise.all([
      sendLoad({ port, connections: 64, seconds: 6, requests, once: true }),
      sendLoad({ port, connections: 4, seconds: 5, requests: logins, once: true }),
    ])
    sent += checks.sent
    if (afterAMinute === 0 && elapsed() >= 1) afterAMinute = residentMegabytes(child.pid)
  }
  const atTheEnd = residentMegabytes(child.pid)
  await deployment.end()
  const detail =
    `${sent} distinct tokens in ${minutes} minutes: ` +
    `${afterAMinute.toFixed(0)} MB after one minute, ${atTheEnd.toFixed(0)} MB at the end`
  return [
    {
      name: 'memory at the end against after one minute',
      bar: 1.2,
      less: true,
      samples: [atTheEnd / afterAMinute],
      detail,
    },
    { name: 'memory at the end', bar: 250, less: true, unit: 'MB', samples: [atTheEnd] },
  ]
}

/** `taskset` replaces itself with the process, so the id stays the same. */
function residentMegabytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}
