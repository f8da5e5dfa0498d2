import t, { type Test } from 'tap'
import { DatabaseUnavailableError, openDatabase } from '../../drizzle/index.ts'
import { startProxy, type TcpProxy } from '../faults/proxy.ts'
import { asSuperuser, createSchema, openPool } from '../postgres.ts'
import { until } from '../server-process.ts'

const POOL_SIZE = 3

/** A database on the other side of a network. */
async function openThroughProxy(t: Test) {
  const { url, schema } = await createSchema(t)
  const proxy = await startProxy(t, Number(new URL(url).port))
  const database = await openDatabase(proxy.through(url), {
    databaseSchema: schema,
    databasePoolSize: POOL_SIZE,
    databaseConnectTimeoutMs: 500,
    databaseStatementTimeoutMs: 500,
  })
  t.teardown(() => database.close())
  return { database, proxy, role: schema }
}

/** Sends more queries at once than there are connections. @returns how many failed */
async function pingOften({ ping }: { ping(): Promise<void> }): Promise<number> {
  const outcomes = await Promise.allSettled(Array.from({ length: 30 }, ping))
  const failures = outcomes.filter((outcome) => outcome.status === 'rejected')
  for (const { reason } of failures) if (!(reason instanceof DatabaseUnavailableError)) throw reason
  return failures.length
}

const troubles: Record<string, (proxy: TcpProxy) => void> = {
  'are cut again and again': (proxy) => {
    proxy.cut()
    const cutting = setInterval(() => proxy.cut(), 1)
    setTimeout(() => clearInterval(cutting), 300)
  },
  'fall silent': (proxy) => {
    proxy.freeze()
    setTimeout(() => proxy.thaw(), 1500)
  },
}

for (const [trouble, cause] of Object.entries(troubles)) {
  t.test(`connections that ${trouble} are replaced, and never exceed the pool size`, async (t) => {
    const { database, proxy, role } = await openThroughProxy(t)
    await pingOften(database)
    for (let round = 0; round < 3; round++) {
      cause(proxy)
      t.ok((await pingOften(database)) > 0)
      await until(async () => (await pingOften(database)) === 0)
    }
    const pool = database.pool?.()
    t.same(
      pool,
      { total: pool?.idle, idle: pool?.total, waiting: 0 },
      'no connection is in use, and no query waits',
    )
    t.ok((pool?.total ?? 0) <= POOL_SIZE)
    await until(async () => {
      const open = await asSuperuser('select from pg_stat_activity where usename = $1', [role])
      return open.length <= POOL_SIZE
    })
  })
}

t.test(
  'if a host app’s connection is cut while Postern starts, that is an error and does not end the process',
  async (t) => {
    const { url, schema } = await createSchema(t)
    const proxy = await startProxy(t, Number(new URL(url).port))
    const pool = openPool(t, proxy.through(url))
    for (const text of ['begin', 'create table', 'pg_backend_pid']) {
      proxy.cutAt(text, 'before')
      await t.rejects(openDatabase({ pool, schema, migrate: true }), /reset|terminated/i)
    }
    const database = await openDatabase({ pool, schema, migrate: true })
    await database.ping()
  },
)

t.test('an idle database does not keep the process alive', async (t) => {
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  const { url, schema } = await createSchema(t)
  const before = sockets()
  const database = await openDatabase(url, { databaseSchema: schema })
  t.teardown(() => database.close())
  await database.ping()
  t.equal(database.pool?.().total, 1)
  t.equal(sockets(), before)
})
