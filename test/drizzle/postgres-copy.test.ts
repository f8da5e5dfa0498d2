import t, { type Test } from 'tap'
import { DatabaseUnavailableError, openDatabase } from '../../drizzle/index.ts'
import { startProxy, type TcpProxy } from '../faults/proxy.ts'
import { asSuperuser, makeSchema, openPool } from '../postgres.ts'
import { makeNew } from './rows.ts'

const never = () => false

/** Enough for what is copied not to go out in one piece. */
const ROWS = 5000
const batch = Array.from({ length: ROWS }, (_, index) => makeNew({ name: `number ${index}` }))

/** A database on the other side of a network. */
async function openThroughProxy(t: Test) {
  const { url, schema } = await makeSchema(t)
  const proxy = await startProxy(t, Number(new URL(url).port))
  const settings = {
    databaseSchema: schema,
    databasePoolSize: 2,
    databaseConnectTimeoutMs: 1000,
    databaseStatementTimeoutMs: 1000,
    databaseLockTimeoutMs: 200,
  }
  const database = await openDatabase(proxy.through(url), settings)
  t.teardown(() => database.close())
  const count = () =>
    database.withSnapshot(async (rows) => [await rows.count('users'), await rows.count('auditEvents')])
  return { database, proxy, url, schema, count }
}

const troubles: Record<string, (proxy: TcpProxy) => void> = {
  'is cut as they are announced': (proxy) => proxy.cutAt('copy', 'before'),
  'is cut as they are sent': (proxy) => proxy.cutAt('number 0', 'before'),
  'is cut between two tables': (proxy) => proxy.cutAt('audit_events', 'before'),
  'is cut as they are committed': (proxy) => proxy.cutAt('commit', 'before'),
  'falls silent as they are announced': (proxy) => proxy.freezeAt('copy'),
  'falls silent as they are sent': (proxy) => proxy.freezeAt('number 0'),
}

for (const [trouble, cause] of Object.entries(troubles)) {
  t.test(`none of many rows is there where the connection ${trouble}`, async (t) => {
    const { database, proxy, count } = await openThroughProxy(t)
    const { insert } = database.openUserBatches()
    cause(proxy)

    await t.rejects(insert(batch, never), DatabaseUnavailableError)

    proxy.thaw()
    t.same(await count(), [0, 0])
    t.same(await insert(batch, never), { inserted: ROWS, conflicts: [] }, 'until it is tried again')
    t.same(await count(), [ROWS, ROWS])
  })
}

t.test('many rows wait for a lock no longer than one would', async (t) => {
  const { database, url, schema, count } = await openThroughProxy(t)
  const { insert } = database.openUserBatches()
  const other = await openPool(t, url).connect()
  await other.query(`begin; lock table ${schema}.audit_events in exclusive mode`)

  await t.rejects(insert(batch, never), { name: 'DatabaseUnavailableError', cause: { code: '55P03' } })

  other.release(true)
  t.same(await count(), [0, 0])
})

t.test('tells rows that the server will never take from those that it cannot take now', async (t) => {
  const { database, schema, count } = await openThroughProxy(t)
  const { insert } = database.openUserBatches()

  await t.rejects(insert([makeNew({ name: 'a\0b' })], never), { code: '22021' })
  t.same(await count(), [0, 0])
  await asSuperuser(`revoke insert on ${schema}.audit_events from ${schema}`)
  await t.rejects(insert([makeNew()], never), DatabaseUnavailableError)
  t.same(await count(), [0, 0])
})

t.test('a row that cannot be put into words takes the others with it, and nothing else', async (t) => {
  const { database, count } = await openThroughProxy(t)
  const { insert } = database.openUserBatches()

  await t.rejects(insert([makeNew(), makeNew({ createdAt: new Date(Number.NaN) })], never), RangeError)
  t.same(await count(), [0, 0])
  t.same(await insert([makeNew()], never), { inserted: 1, conflicts: [] })
})
