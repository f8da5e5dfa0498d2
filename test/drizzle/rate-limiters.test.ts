import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Database, openDatabase } from '../../drizzle/index.ts'
import { createSchema } from '../postgres.ts'

const DAY = 86_400

const kinds: Record<string, (t: Test) => Promise<Database>> = {
  'in the memory of the process': (t) => openDatabase(join(t.testdir(), 'postern.db')),
  'in PostgreSQL': async (t) => {
    const { url, schema } = await createSchema(t)
    return await openDatabase(url, { databaseSchema: schema, databasePoolSize: 3 })
  },
}

for (const [kind, open] of Object.entries(kinds)) {
  t.test(kind, async (t) => {
    const openEmpty = async (t: Test) => {
      const database = await open(t)
      t.teardown(() => database.close())
      return database
    }

    t.test('a limiter accepts as many as it has points, for each key', async (t) => {
      const { createRateLimiter } = await openEmpty(t)
      const limiter = createRateLimiter({ keyPrefix: 'a', points: 3, duration: DAY })
      const other = createRateLimiter({ keyPrefix: 'b', points: 1, duration: DAY })

      for (let i = 0; i < 3; i++) t.equal(await limiter.consume('key'), 0)
      for (let i = 0; i < 3; i++) {
        const wait = await limiter.consume('key')
        t.ok(wait > (DAY - 60) * 1000 && wait <= DAY * 1000, `${wait} ms`)
      }
      t.ok(limiter.recall('key') > 0, 'it is known for a while without a query')
      t.equal(limiter.recall('another'), 0)
      t.equal(await limiter.consume('another'), 0)
      t.equal(await other.consume('key'), 0)
    })

    t.test('a point given back can be consumed again, and a refusal costs no point', async (t) => {
      const { createRateLimiter } = await openEmpty(t)
      const limiter = createRateLimiter({ keyPrefix: 'a', points: 2, duration: DAY })
      const accepted = async (times: number) => {
        const waits: number[] = []
        for (let i = 0; i < times; i++) waits.push(await limiter.consume('key'))
        return waits.filter((wait) => wait === 0).length
      }

      t.equal(await accepted(5), 2)
      await limiter.reward('key')
      t.equal(await accepted(5), 1)
      await limiter.reward('key')
      await limiter.reward('key')
      await limiter.reward('key')
      t.equal(await accepted(5), 2, 'points cannot be saved up')
      await limiter.delete('key')
      t.equal(await accepted(5), 2)
    })

    t.test('of many at once, as many are accepted as there are points', async (t) => {
      const { createRateLimiter } = await openEmpty(t)
      const limiter = createRateLimiter({ keyPrefix: 'a', points: 7, duration: DAY })
      const waits = await Promise.all(Array.from({ length: 100 }, () => limiter.consume('key')))
      t.equal(waits.filter((wait) => wait === 0).length, 7)
    })

    t.test('the first points are free, and a point given back takes its wait away', async (t) => {
      const { createRateLimiter } = await openEmpty(t)
      const limiter = createRateLimiter({ keyPrefix: 'a', points: 20, duration: DAY, hasGrowingWaits: true })
      const other = createRateLimiter({ keyPrefix: 'b', points: 20, duration: DAY })

      for (let i = 0; i < 5; i++) t.equal(await limiter.consume('key'), 0)
      const wait = await limiter.consume('key')
      t.ok(wait > 0 && wait < 1400, `${wait} ms`)
      t.ok(limiter.recall('key') > 0)
      t.equal(await limiter.consume('another'), 0)
      await limiter.reward('key')
      t.equal(await limiter.consume('key'), 0, 'the point can be spent at once')
      t.ok((await limiter.consume('key')) > 0)
      await limiter.delete('key')
      for (let i = 0; i < 5; i++) t.equal(await limiter.consume('key'), 0)
      for (let i = 0; i < 20; i++) t.equal(await other.consume('key'), 0, 'waits are asked for')
    })
  })
}
