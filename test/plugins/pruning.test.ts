import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createApp } from '../helper.ts'
import { until } from '../server-process.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** A database that has been used before, opened beside the app. */
async function createUsedDatabase(t: Test) {
  const settings = await sharedSettings(t)
  await (await createApp(t, settings)).close()
  const db = openBeside(t, settings)
  const insertMany = (count: number, expiresAt: number) =>
    db.run(
      `with recursive numbers (number) as (select 1 union all select number + 1 from numbers where number < ?)
         insert into blacklisted_tokens (jti, user_id, expires_at, created_at)
         select ? || number, 'somebody', ?, ? from numbers`,
      count,
      uuidv7(),
      new Date(expiresAt),
      new Date(0),
    )
  const count = () => db.value('select count(*) from blacklisted_tokens')
  return { settings, db, insertMany, count }
}

t.test('deletes all revoked tokens that expired long ago, and no others', async (t) => {
  const { settings, db, insertMany, count } = await createUsedDatabase(t)
  const now = Date.now()
  await insertMany(650, now - DAY - HOUR)
  await insertMany(20, now - DAY + HOUR)
  await insertMany(30, now + HOUR)

  const app = await createApp(t, settings)
  await app.ready()

  await until(async () => (await count()) === 50)
  // A further step would have run by then.
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.equal(await count(), 50)
  const kept = await db.value('select min(expires_at) as kept_at from blacklisted_tokens')
  t.same(kept, new Date(now - DAY + HOUR), 'a token that has just expired might be valid by another clock')
})

t.test('answers requests while it deletes many tokens', async (t) => {
  const { settings, insertMany, count } = await createUsedDatabase(t)
  await insertMany(2_000, 0)
  const app = await createApp(t, settings)
  await app.ready()
  await until(async () => Number(await count()) < 2_000)

  const remaining: unknown[] = []
  while (Number(await count()) > 0) {
    t.equal((await app.inject('/readyz')).statusCode, 200)
    remaining.push(await count())
    await new Promise((resolve) => setTimeout(resolve, 20))
  }

  t.ok(new Set(remaining).size > 2, 'it deletes in steps, and answers requests between them')
})

t.test('continues to answer while the database cannot be written', async (t) => {
  const { settings, db, insertMany, count } = await createUsedDatabase(t)
  await insertMany(10, 0)
  const log = new PassThrough()
  let logged = ''
  log.on('data', (line) => (logged += line))
  const unlock = await db.lock('blacklisted_tokens')

  const app = await createApp(t, { ...settings, LOG_LEVEL: 'warn' }, log)
  await app.ready()
  await until(async () => logged.includes('could not be pruned'))

  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.equal(await count(), 10)
  await unlock()
})
