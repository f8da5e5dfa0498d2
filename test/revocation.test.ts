import t from 'tap'
import { ada, bearer, credentials, makeApp, makeToken, post } from './helper.ts'
import { logInAt, postJson, startServer } from './process.ts'

/** Checks that are sent after the logout has been answered. */
const CHECKS = 10_000
/** Checks under way at once, at each process. */
const STREAMS = 32

t.test('admits not one of 10,000 checks after a logout’s answer, in any process', async (t) => {
  const cwd = t.testdir()
  const one = await startServer(t, { cwd, env: { LOG_LEVEL: 'silent' } })
  const other = await startServer(t, { cwd, env: { LOG_LEVEL: 'silent' } })
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

t.test('sends logins away before hashing when there are too many, and goes on checking', async (t) => {
  const app = await makeApp(t)
  const token = await makeToken(app)

  const logins = Array.from({ length: 400 }, () => post(app, '/login', credentials))
  const check = await app.inject({ url: '/getUser', headers: bearer(token) })
  t.equal(check.statusCode, 200)
  const answers = await Promise.all(logins)

  const sentAway = answers.filter(({ statusCode }) => statusCode === 503)
  t.ok(sentAway.length > 0, `${sentAway.length} of ${answers.length} were sent away`)
  for (const answer of sentAway) {
    t.equal(answer.json().code, 'overloaded')
    t.match(answer.headers['retry-after'], /^\d+$/)
  }
  t.ok(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 503))
  t.equal((await post(app, '/login', credentials)).statusCode, 200, 'and then all is well again')
})
