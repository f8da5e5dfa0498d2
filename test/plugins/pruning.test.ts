import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import SqliteDriver from 'better-sqlite3'
import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { makeApp } from '../helper.ts'
import { until } from '../process.ts'

const HOUR = 3_600_000

/** A database that has been used before, opened beside the app. */
async function makeUsedDatabase(t: Test) {
  const path = join(t.testdir(), 'postern.db')
  await (await makeApp(t, { DATABASE_URL: path })).close()
  const db = new SqliteDriver(path)
  t.teardown(() => db.close())
  const insert = db.prepare("insert into blacklisted_tokens values (?, 'somebody', ?, 0)")
  const insertMany = db.transaction((count: number, expiresAt: number) => {
    for (let row = 0; row < count; row += 1) insert.run(uuidv7(), expiresAt)
  })
  const count = () => db.prepare('select count(*) from blacklisted_tokens').pluck().get()
  return { path, db, insertMany, count }
}

t.test('forgets tokens that have long expired, all of them, and no others', async (t) => {
  const { path, db, insertMany, count } = await makeUsedDatabase(t)
  const now = Date.now()
  insertMany(650, now - 2 * HOUR)
  insertMany(20, now - HOUR / 2)
  insertMany(30, now + HOUR)

  const app = await makeApp(t, { DATABASE_URL: path })
  await app.ready()

  await until(() => count() === 50)
  // A further step would have had its turn by then.
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.equal(count(), 50)
  const kept = db.prepare('select min(expires_at) from blacklisted_tokens').pluck().get()
  t.equal(kept, now - HOUR / 2, 'a token that has just expired might be valid by another clock')
})

t.test('answers while there is much to forget', async (t) => {
  const { path, insertMany, count } = await makeUsedDatabase(t)
  insertMany(2_000, 0)
  const app = await makeApp(t, { DATABASE_URL: path })
  await app.ready()
  await until(() => Number(count()) < 2_000)

  const remaining: unknown[] = []
  while (Number(count()) > 0) {
    t.equal((await app.inject('/readyz')).statusCode, 200)
    remaining.push(count())
    await new Promise((resolve) => setTimeout(resolve, 20))
  }

  t.ok(new Set(remaining).size > 2, 'it goes in steps, between which requests are answered')
})

t.test('does no harm while the database cannot be written', async (t) => {
  const { path, db, insertMany, count } = await makeUsedDatabase(t)
  insertMany(10, 0)
  const log = new PassThrough()
  let logged = ''
  log.on('data', (line) => (logged += line))
  db.exec('begin immediate')

  const app = await makeApp(t, { DATABASE_URL: path, LOG_LEVEL: 'warn' }, log)
  await app.ready()
  await until(() => logged.includes('could not be pruned'))

  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.equal(count(), 10)
  db.exec('rollback')
})
