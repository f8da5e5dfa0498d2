import t from 'tap'
import { ada, bearer } from './helper.ts'
import { logInAt, postJson, startServer } from './server-process.ts'
import { sharedSettings } from './shared-database.ts'

/** Checks that are sent after the response to the logout. */
const CHECKS = 10_000
/** Concurrent checks at each process. */
const STREAMS = 32

t.test('refuses each of 10,000 checks after the response to a logout, in every process', async (t) => {
  const cwd = t.testdir()
  const env = { ...(await sharedSettings(t)), LOG_LEVEL: 'silent' }
  const one = await startServer(t, { cwd, env })
  const other = await startServer(t, { cwd, env })
  await postJson(`${one.address}/register`, ada)
  const token = await logInAt(one.address, ada)

  let loggedOut = false
  let before = 0
  let after = 0
  const wronglyAdmitted: string[] = []
  const check = async (address: string) => {
    const sentAfterwards = loggedOut
    const response = await fetch(`${address}/getUser`, { headers: bearer(token) })
    await response.arrayBuffer()
    if (sentAfterwards) after += 1
    else if (response.status === 200) before += 1
    if (sentAfterwards && response.status !== 401) wronglyAdmitted.push(`${address}: ${response.status}`)
  }
  const stream = async (address: string) => {
    while (after < CHECKS) await check(address)
  }
  const streams = [one, other].flatMap(({ address }) =>
    Array.from({ length: STREAMS }, () => stream(address)),
  )
  while (before < 200) await check(other.address)
  const answer = await fetch(`${one.address}/logout`, { method: 'POST', headers: bearer(token) })
  t.equal(answer.status, 200)
  loggedOut = true
  await Promise.all(streams)

  t.ok(after >= CHECKS, `${after} checks afterwards, ${before} admitted before`)
  t.strictSame(wronglyAdmitted, [])
})
