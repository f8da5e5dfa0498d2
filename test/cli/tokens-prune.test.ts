import t from 'tap'
import type { Database } from '../../drizzle/index.ts'
import { postern, posternJson } from '../cli.ts'
import { createBlacklistedToken, createEvent } from '../drizzle/rows.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, startServer } from '../server-process.ts'
import { withClockAhead } from '../shifted-clock.ts'
import { openPlace, places } from './places.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const ago = (milliseconds: number) => new Date(Date.now() - milliseconds)

/** More expired rows than one step deletes, and as many others. */
async function fill(database: Database): Promise<void> {
  const many = Array.from({ length: 1500 })
  for (const expiresAt of [ago(25 * HOUR), ago(23 * HOUR), ago(-HOUR)]) {
    await database.insertRows(
      'blacklistedTokens',
      many.map(() => createBlacklistedToken({ expiresAt })),
    )
  }
  for (const createdAt of [ago(91 * DAY), ago(89 * DAY)]) {
    await database.insertRows(
      'auditEvents',
      many.map(() => createEvent({ createdAt })),
    )
  }
  await database.auditEvents.insert(createEvent({ createdAt: new Date() }))
}

async function countRows(database: Database): Promise<number[]> {
  return await database.withSnapshot(async (snapshot) => [
    await snapshot.count('blacklistedTokens'),
    await snapshot.count('auditEvents'),
  ])
}

for (const [kind, settingsOf] of Object.entries(places)) {
  t.test(`deletes expired rows, and nothing else, on ${kind}`, async (t) => {
    const cwd = t.testdir()
    const env = await settingsOf(t, cwd)
    const database = await openPlace(t, env)
    await fill(database)

    const pruned = await posternJson(['tokens', 'prune'], { cwd, env })

    t.same(pruned, [
      { table: 'blacklisted_tokens', deleted: 1500 },
      { table: 'audit_events', deleted: 1500 },
      { table: 'rate_limits', deleted: 0 },
      { table: 'known_addresses', deleted: 0 },
      { table: 'signing_keys', deleted: 0 },
    ])
    t.same(await countRows(database), [3000, 1501])
    const shorter = await postern(['tokens', 'prune'], { cwd, env: { ...env, AUDIT_RETENTION_DAYS: '30' } })
    t.equal(shorter.code, 0)
    t.match(shorter.stdout, /^blacklisted_tokens +0\naudit_events +1500\n/m)
    t.same(await countRows(database), [3000, 1])
  })

  t.test(`deletes nothing that another clock still needs, on ${kind}`, async (t) => {
    const cwd = t.testdir()
    const env = { ...(await settingsOf(t, cwd)), AUDIT_RETENTION_DAYS: '1' }
    const database = await openPlace(t, env)
    const { address } = await startServer(t, { cwd, env })
    await postJson(`${address}/register`, ada)
    const headers = bearer(await logInAt(address, ada))
    await fetch(`${address}/logout`, { method: 'POST', headers })
    const rows = await countRows(database)

    // A day and a half would be enough, if the command believed its own clock.
    const pruned = await posternJson(['tokens', 'prune'], withClockAhead({ cwd, env }, 30 * DAY))

    t.same(
      pruned.map(({ deleted }) => deleted),
      pruned.map(() => 0),
    )
    t.same(await countRows(database), rows)
    t.equal((await fetch(`${address}/getUser`, { headers })).status, 401, 'the revocation is still known')
  })
}
