import t, { type Test } from 'tap'
import { DatabaseUnavailableError, openDatabase } from '../../drizzle/index.ts'
import { startProxy, type TcpProxy } from '../faults/proxy.ts'
import { asSuperuser, makeSchema, openPool } from '../postgres.ts'
import { until } from '../process.ts'

const POOL_SIZE = 3

/** A database on the other side of a network. */
async function openThroughProxy(t: Test) {
  const { url, schema } = await makeSchema(t)
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

/** More questions at once than there are connections; how many of them were not answered. */
async function askOften({ ping }: { ping(): Promise<void> }): Promise<number> {
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
  t.test(`connections that ${trouble} are replaced, and never become more`, async (t) => {
    const { database, proxy, role } = await openThroughProxy(t)
    await askOften(database)
    for (let round = 0; round < 3; round++) {
      cause(proxy)
      t.ok((await askOften(database)) > 0)
      await until(async () => (await askOften(database)) === 0)
    }
    const pool = database.pool?.()
    t.same(pool, { total: pool?.idle, idle: pool?.total, waiting: 0 }, 'nobody has one, and nobody waits')
    t.ok((pool?.total ?? 0) <= POOL_SIZE)
    await until(async () => {
      const open = await asSuperuser('select from pg_stat_activity where usename = $1', [role])
      return open.length <= POOL_SIZE
    })
  })
}

t.test(
  'a connection of a host that is cut while Postern starts is an error, and not the end of the process',
  async (t) => {
    const { url, schema } = await makeSchema(t)
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

t.test('an idle database keeps no process from ending', async (t) => {
  const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  const { url, schema } = await makeSchema(t)
  const before = sockets()
  const database = await openDatabase(url, { databaseSchema: schema })
  t.teardown(() => database.close())
  await database.ping()
  t.equal(database.pool?.().total, 1)
  t.equal(sockets(), before)
})
