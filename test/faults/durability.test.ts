import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createJwt } from '../../plugins/signing-keys/jwt.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, type ServerProcess, startServer, until } from '../server-process.ts'

const KILLS = 20
/** Known to the test, so that it can issue tokens itself. To log in for each would take minutes. */
const SECRET_KEY = 'a secret that this test shares with the service'

/** What the service has acknowledged, and must not lose. */
interface Acknowledged {
  emails: string[]
  tokens: string[]
  /** Statuses of refused requests. There must be none. */
  others: number[]
}

/** Repeats an action, on some connections at once, until the service no longer answers. */
async function untilKilled(connections: number, action: () => Promise<void>): Promise<void> {
  const work = async () => {
    for (;;) await action()
  }
  await Promise.allSettled(Array.from({ length: connections }, work))
}

/** Registers and logs out concurrently, and kills the service while it does. */
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

// Twenty starts take long on a busy machine.
t.setTimeout(300_000)

// The operating system survives, so this does not show that the data are on the disk. test/drizzle/sqlite.test.ts
// does.
t.test('keeps every acknowledged registration and logout after a kill -9', async (t) => {
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
    t.same(new Set(statuses), new Set([401]), `${tokens.length} logouts before kill ${kill} are kept`)
    const [email = ''] = emails.slice(-1)
    t.type(await logInAt(server.address, { ...ada, email }), 'string', 'the last registered user can log in')
    all.emails.push(...emails)
    all.tokens.push(...tokens)
    all.others.push(...others)
  }

  t.same(all.others, [], 'there were no other responses')
  t.equal(await statusOf(issue()), 200, 'a token that was not logged out is valid')
  await server.stop('SIGKILL')
  const db = new SqliteDriver(join(cwd, 'data', 'postern.db'))
  const stored = new Set(db.prepare('select email from users').pluck().all())
  t.same(
    all.emails.filter((email) => !stored.has(email)),
    [],
    'every registration is stored',
  )
  const revoked = new Set(db.prepare('select jti from blacklisted_tokens').pluck().all())
  t.same(
    all.tokens.filter((token) => !revoked.has(readClaims(token).jti)),
    [],
    'every logout is stored',
  )
  t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  db.close()
  t.ok(all.emails.length >= 2 * KILLS, `${all.emails.length} registrations were acknowledged`)
  t.ok(all.tokens.length >= 10 * KILLS, `${all.tokens.length} logouts were acknowledged`)
})

/** Issues tokens that differ from one of the service's only in their `jti`. */
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
