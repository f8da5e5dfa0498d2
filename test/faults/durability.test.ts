import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createJwt } from '../../plugins/signing-keys/jwt.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, type ServerProcess, startServer, until } from '../server-process.ts'

const KILLS = 20
/** Known to the test, so that it can issue tokens itself: logins for so many would take minutes. */
const SECRET_KEY = 'a secret that this test shares with the service'

/** What the service has said that it did, and must not forget. */
interface Acknowledged {
  emails: string[]
  tokens: string[]
  /** Answers that are neither yes nor the kill. There must be none. */
  others: number[]
}

/** Runs an action again and again, on some connections at once, until the service does not answer any more. */
async function untilKilled(connections: number, action: () => Promise<void>): Promise<void> {
  const work = async () => {
    for (;;) await action()
  }
  await Promise.allSettled(Array.from({ length: connections }, work))
}

/** Registers and logs out at the same time until the service is killed in the midst of it. */
async function killAmidWork({ address, stop }: ServerProcess, issue: () => string): Promise<Acknowledged> {
  const acknowledged: Acknowledged = { emails: [], tokens: [], others: [] }
  const { emails, tokens, others } = acknowledged
  const work = [
    untilKilled(3, async () => {
      const email = `${uuidv7()}@example.com`
      const response = await postJson(`${address}/register`, { email, password: ada.password })
      const { email: registered } = (await response.json()) as { email?: string }
      if (registered === email) emails.push(email)
      else others.push(response.status)
    }),
    untilKilled(3, async () => {
      const token = issue()
      const response = await fetch(`${address}/logout`, { method: 'POST', headers: bearer(token) })
      const { details } = (await response.json()) as { details?: string }
      if (details === 'Logged out') tokens.push(token)
      else others.push(response.status)
    }),
  ]
  const enough = { emails: randomInt(2, 5), tokens: randomInt(10, 50) }
  await until(() => emails.length >= enough.emails && tokens.length >= enough.tokens)
  await stop('SIGKILL')
  await Promise.all(work)
  return acknowledged
}

// Twenty starts take a while on a busy machine.
t.setTimeout(300_000)

// What it cannot show is that the disk has it too, since the operating system survives: test/drizzle/sqlite.test.ts
// does.
t.test('remembers after a kill -9 every registration and every logout that it acknowledged', async (t) => {
  const cwd = t.testdir()
  const env = { SECRET_KEY, ALGORITHM: 'HS256', LOG_LEVEL: 'warn' }
  let server = await startServer(t, { cwd, env })
  await postJson(`${server.address}/register`, ada)
  const issue = await createIssuer(await logInAt(server.address, ada))
  const statusOf = async (token: string) =>
    (await fetch(`${server.address}/getUser`, { headers: bearer(token) })).status
  const all: Acknowledged = { emails: [], tokens: [], others: [] }

  for (let kill = 1; kill <= KILLS; kill += 1) {
    const { emails, tokens, others } = await killAmidWork(server, issue)
    server = await startServer(t, { cwd, env })

    const statuses = await Promise.all(tokens.map(statusOf))
    t.same(new Set(statuses), new Set([401]), `${tokens.length} logouts before kill ${kill} hold`)
    const [email = ''] = emails.slice(-1)
    t.type(await logInAt(server.address, { ...ada, email }), 'string', 'the last to register can log in')
    all.emails.push(...emails)
    all.tokens.push(...tokens)
    all.others.push(...others)
  }

  t.same(all.others, [], 'nothing else was answered')
  t.equal(await statusOf(issue()), 200, 'a token that was not logged out counts')
  await server.stop('SIGKILL')
  const db = new SqliteDriver(join(cwd, 'data', 'postern.db'))
  const stored = new Set(db.prepare('select email from users').pluck().all())
  t.same(
    all.emails.filter((email) => !stored.has(email)),
    [],
    'every registration is there',
  )
  const revoked = new Set(db.prepare('select jti from blacklisted_tokens').pluck().all())
  t.same(
    all.tokens.filter((token) => !revoked.has(readClaims(token).jti)),
    [],
    'every logout is there',
  )
  t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  db.close()
  t.ok(all.emails.length >= 2 * KILLS, `${all.emails.length} registrations were acknowledged`)
  t.ok(all.tokens.length >= 10 * KILLS, `${all.tokens.length} logouts were acknowledged`)
})

/** Issues tokens that differ from a given one of the service's in their `jti` alone. */
async function createIssuer(token: string): Promise<() => string> {
  const claims = readClaims(token)
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
  const jwt = await createJwt({
    kid,
    algorithm: 'HS256',
    privateKey: SECRET_KEY,
    publicKey: null,
    issuer: claims.iss,
    audience: claims.aud,
  })
  return () => jwt.sign({ ...claims, jti: uuidv7() })
}

function readClaims(token: string) {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}
