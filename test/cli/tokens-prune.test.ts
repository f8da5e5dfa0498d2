import t from 'tap'
import type { Database } from '../../drizzle/index.ts'
import { postern, posternJson } from '../cli.ts'
import { createBlacklistedToken, createEvent } from '../drizzle/rows.ts'
import { openPlace, places } from './places.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const ago = (milliseconds: number) => new Date(Date.now() - milliseconds)

/** More expired rows than one step deletes, and as many others. */
async function fill(database: Database): Promise<void> {
  const many = Array.from({ length: 1500 })
  for (const expiresAt of [ago(2 * HOUR), ago(HOUR / 2), ago(-HOUR)]) {
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
    ])
    t.same(await countRows(database), [3000, 1500])
    const shorter = await postern(['tokens', 'prune'], { cwd, env: { ...env, AUDIT_RETENTION_DAYS: '30' } })
    t.equal(shorter.code, 0)
    t.match(shorter.stdout, /^blacklisted_tokens +0\naudit_events +1500\n/m)
    t.same(await countRows(database), [3000, 0])
  })
}
