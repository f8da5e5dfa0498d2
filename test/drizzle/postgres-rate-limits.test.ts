import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { DatabaseUnavailableError, openDatabase } from '../../drizzle/index.ts'
import { waitAfter } from '../../drizzle/rate-limits/limiter.ts'
import { ada, createApp, post } from '../helper.ts'
import { createSchema } from '../postgres.ts'
import { openPostgresBeside } from '../postgres-beside.ts'
import { guess, nthAddress, THROTTLED, tryLogIn } from '../throttling.ts'

const HOUR = 3600
const SETTINGS = { keyPrefix: 'a', points: 3, duration: HOUR }

/** Two instances on one database, and another connection to it. */
async function createScene(t: Test) {
  const { url, schema } = await createSchema(t)
  const open = async () => {
    const database = await openDatabase(url, { databaseSchema: schema, databasePoolSize: 2 })
    t.teardown(() => database.close())
    return database
  }
  const [one, other] = [await open(), await open()]
  return { one, other, url, schema, beside: openPostgresBeside(t, schema) }
}

t.test('instances count together', async (t) => {
  const { one, other } = await createScene(t)
  const limiters = [one.createRateLimiter(SETTINGS), other.createRateLimiter(SETTINGS)]
  const waits = await Promise.all(
    Array.from({ length: 40 }, (_, n) => limiters[n % 2]?.consume('key') ?? Promise.resolve(-1)),
  )
  t.equal(waits.filter((wait) => wait === 0).length, 3)
})

t.test('an expired count starts again, and is pruned', async (t) => {
  const { one, beside } = await createScene(t)
  const limiter = one.createRateLimiter(SETTINGS)
  for (const key of ['expired', 'expired too', 'live']) for (let i = 0; i < 3; i++) await limiter.consume(key)
  await beside.run("update rate_limits set expires_at = now() - interval '1 second' where key like 'a:exp%'")

  t.equal(await limiter.consume('expired'), 0)
  t.ok((await limiter.consume('live')) > 0)
  t.equal(await beside.value("select points from rate_limits where key = 'a:expired'"), 1, 'from 1')
  await beside.run("update rate_limits set expires_at = now() - interval '1 second' where key like 'a:exp%'")
  t.equal(await one.pruneRateLimits(1), 1, 'in steps')
  t.equal(await one.pruneRateLimits(200), 1)
  t.equal(await one.pruneRateLimits(200), 0)
  t.same(await beside.all('select key from rate_limits'), [{ key: 'a:live' }])
})

t.test('waits grow as in the memory of a process, for all instances together', async (t) => {
  const { one, other, beside } = await createScene(t)
  const settings = { keyPrefix: 'a', points: 20, duration: 24 * HOUR, hasGrowingWaits: true }
  const limiters = [one.createRateLimiter(settings), other.createRateLimiter(settings)]
  for (let points = 1; points <= 20; points++) {
    t.equal(await limiters[points % 2]?.consume('key'), 0, `point ${points}`)
    const expected = points === 20 ? 24 * HOUR * 1000 : waitAfter(points, settings)
    const wait = (await limiters[0]?.consume(expected > 0 ? 'key' : 'another')) ?? 0
    t.ok(wait <= expected && wait >= expected * 0.9 - 500, `${wait} of ${expected} ms`)
    await one.createRateLimiter(settings).delete('another')
    await beside.run('update rate_limits set waits_until = now()')
    await sleep(1100)
  }
})

t.test('limits of very many points work as well', async (t) => {
  const { one } = await createScene(t)
  for (const hasGrowingWaits of [true, false]) {
    const settings = {
      keyPrefix: `${hasGrowingWaits}`,
      points: 1_000_000,
      duration: 24 * HOUR,
      hasGrowingWaits,
    }
    const limiter = one.createRateLimiter(settings)
    for (let i = 0; i < 4; i++) t.equal(await limiter.consume('key'), 0)
  }
})

t.test('a wait from before the server’s clock was set back is over', async (t) => {
  const { one, beside } = await createScene(t)
  const settings = { keyPrefix: 'a', points: 20, duration: HOUR, hasGrowingWaits: true }
  const limiter = one.createRateLimiter(settings)
  await limiter.consume('key')
  await beside.run("update rate_limits set waits_until = now() + interval '10 days'")

  t.equal(await limiter.consume('key'), 0)
})

t.test('no wait is longer than a count lasts, even if the server’s clock was set back', async (t) => {
  const { one, beside } = await createScene(t)
  const limiter = one.createRateLimiter(SETTINGS)
  for (let i = 0; i < 3; i++) await limiter.consume('refused')
  await limiter.consume('counted')
  await beside.run("update rate_limits set expires_at = now() + interval '10 days'")

  t.ok((await limiter.consume('refused')) <= HOUR * 1000)
  t.equal(await limiter.consume('counted'), 0)
  const isShort =
    "select expires_at <= now() + interval '61 minutes' from rate_limits where key = 'a:counted'"
  t.equal(await beside.value(isShort), true)
  t.equal(
    await beside.value("select points from rate_limits where key = 'a:counted'"),
    2,
    'the count continues',
  )
})

t.test('needs no disk, and its keys are unreadable', async (t) => {
  const { url, schema, beside } = await createScene(t)
  const app = await createApp(t, {
    ...THROTTLED,
    DATABASE_URL: url,
    DATABASE_SCHEMA: schema,
    SECRET_KEY: 'a secret for tests, of 32 bytes or more',
  })
  await post(app, '/register', ada)
  await tryLogIn(app, '203.0.113.1', { password: 'a wrong one' })
  await tryLogIn(app, '203.0.113.1')

  const rows = await beside.all('select key, points from rate_limits order by key')
  t.match(rows, [
    { key: /^login_failures_per_account:[\w-]{43}$/, points: 1 },
    { key: /^login_failures_per_address:[\w-]{43}$/, points: 1 },
    { key: /^registrations_per_address:[\w-]{43}$/, points: 1 },
  ])
  t.equal(rows.length, 3)
  t.equal(
    await beside.value("select relpersistence from pg_class where oid = 'rate_limits'::regclass"),
    'u',
    'unlogged',
  )
})

t.test('an attempt that one limit refuses does not count for the others', async (t) => {
  const { url, schema } = await createScene(t)
  const settings = {
    ...THROTTLED,
    DATABASE_URL: url,
    DATABASE_SCHEMA: schema,
    SECRET_KEY: 'a secret for tests, of 32 bytes or more',
    LOGIN_FAILURES_PER_ACCOUNT: '5',
    LOGIN_FAILURES_PER_ADDRESS: '1',
  }
  const [one, other] = [await createApp(t, settings), await createApp(t, settings)]
  for (let n = 0; n < 5; n++) t.same(await guess(one, nthAddress(n), 1), [401])

  // Unlike the first instance, this one finds out only after it has spent points of the address.
  for (const address of ['203.0.113.1', '2001:db8::1']) {
    t.same(await guess(other, address, 1), [429])
    t.same(await guess(other, address, 2, `eve@example.com`), [401, 429])
  }
})

t.test('a database that cannot answer is unavailable, and refuses no key', async (t) => {
  const { one, beside } = await createScene(t)
  const limiter = one.createRateLimiter(SETTINGS)
  await limiter.consume('key')
  const repair = await beside.breakDown()
  await t.rejects(limiter.consume('key'), DatabaseUnavailableError)
  await repair()
  t.equal(await limiter.consume('key'), 0)
})
