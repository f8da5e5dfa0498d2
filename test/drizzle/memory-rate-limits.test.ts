import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { createRateLimiter } from '../../drizzle/rate-limits/limiter.ts'
import { MemoryRateLimitStore } from '../../drizzle/rate-limits/memory.ts'

const HOUR = 3600

/** A limiter with a clock that the test sets. */
function createLimiter(points: number, maxKeys?: number) {
  const settings = { keyPrefix: 'a', points, duration: HOUR }
  let now = 0
  const store = new MemoryRateLimitStore(settings, { clock: () => now, ...(maxKeys && { maxKeys }) })
  const limiter = createRateLimiter(settings, store, (error) => error)
  return {
    limiter,
    store,
    advance: (seconds: number) => (now += seconds * 1000),
    /** Tries to consume `times` points. @returns how many there were */
    async consume(key: string, times = 1): Promise<number> {
      let passed = 0
      for (let i = 0; i < times; i++) if ((await limiter.consume(key)) === 0) passed++
      return passed
    },
  }
}

t.test('a count expires a duration after its first point', async (t) => {
  const { limiter, store, advance, consume } = createLimiter(2)
  await consume('key')
  advance(HOUR - 1)
  t.equal(await consume('key', 2), 1)
  t.equal(await limiter.consume('key'), 1000)
  t.equal(limiter.recall('key'), 1000)
  advance(1)
  t.equal(limiter.recall('key'), 0)
  t.equal(store.size, 0, 'expired counts are removed without being used')
  t.equal(await consume('key', 3), 2)
})

t.test('waits grow from a second, and never exceed the time that the points have taken', async (t) => {
  for (const points of [20, 100]) {
    let now = 0
    const day = 24 * HOUR
    const settings = { keyPrefix: 'a', points, duration: day, hasGrowingWaits: true }
    const store = new MemoryRateLimitStore(settings, { clock: () => now * 1000 })
    const limiter = createRateLimiter(settings, store, (error) => error)
    const waits: number[] = []
    let accepted = 0
    while (now < day) {
      const wait = (await limiter.consume('key')) / 1000
      if (wait > 0) t.equal(limiter.recall('key') / 1000, wait)
      if (wait === 0) accepted += 1
      else {
        if (now + wait < day) {
          waits.push(wait)
          t.ok(wait <= now + 2, `${wait} seconds after ${now}`)
        }
        now += wait
      }
    }

    t.equal(accepted, points, 'no more in a day than without waits')
    t.ok(waits.every((wait, index) => index === 0 || wait > 1.9 * (waits[index - 1] ?? 0)))
    t.ok((waits[0] ?? 0) < 2)
    t.ok((waits.at(-1) ?? 0) > 20_000, 'the last guesses take hours')
  }
})

t.test('a limit of few points has no waits', async (t) => {
  const settings = { keyPrefix: 'a', points: 19, duration: 24 * HOUR, hasGrowingWaits: true }
  const limiter = createRateLimiter(settings, new MemoryRateLimitStore(settings), (error) => error)
  for (let i = 0; i < 19; i++) t.equal(await limiter.consume('key'), 0)
  t.ok((await limiter.consume('key')) > 0)
})

t.test('a full store forgets the counts with the fewest points', async (t) => {
  const { store, consume } = createLimiter(8, 100)
  await consume('refused', 9)
  await consume('nearly refused', 7)
  await consume('twice', 2)
  for (let n = 0; n < 1000; n++) await consume(`flood ${n}`)
  t.equal(store.size, 100)
  t.equal(await consume('refused'), 0)
  t.equal(await consume('nearly refused', 3), 1)
  t.equal(await consume('twice', 9), 6)

  for (let n = 0; n < 1000; n++) await consume(`second flood ${n % 200}`, 9)
  t.equal(store.size, 100, 'also if all keys in it are refused')
  t.equal(await consume('another', 9), 8, 'and it still counts new keys')
})

t.test('of a million keys it keeps 100,000, and the refused ones among them', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const settings = { keyPrefix: 'login_failures_per_account', points: 20, duration: 24 * HOUR }
  const store = new MemoryRateLimitStore(settings)
  const limiter = createRateLimiter(settings, store, (error) => error)
  const limiterKey = (key: string) => `${settings.keyPrefix}:${key}`
  for (let i = 0; i < 21; i++) await limiter.consume('victim')
  collectGarbage()
  const before = process.memoryUsage().heapUsed

  for (let n = 0; n < 1_000_000; n++) {
    const adding = store.add(limiterKey(createHash('sha256').update(`${n}`).digest('base64url')), 1)
    if (n % 1000 === 0) await adding
  }
  collectGarbage()
  const megabytes = (process.memoryUsage().heapUsed - before) / 1e6
  t.equal(store.size, 100_000)
  t.ok(megabytes < 100, `${megabytes} MB`)
  t.ok((await limiter.consume('victim')) > 0)
})
