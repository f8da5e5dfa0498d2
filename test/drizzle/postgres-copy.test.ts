import t, { type Test } from 'tap'
import { DatabaseUnavailableError, openDatabase } from '../../drizzle/index.ts'
import { startProxy, type TcpProxy } from '../faults/proxy.ts'
import { asSuperuser, createSchema, openPool } from '../postgres.ts'
import { createNewUser } from './rows.ts'

const never = () => false

/** More than one packet holds. */
const ROWS = 5000
const batch = Array.from({ length: ROWS }, (_, index) => createNewUser({ name: `number ${index}` }))

/** A database on the other side of a network. */
async function openThroughProxy(t: Test) {
  const { url, schema } = await createSchema(t)
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
  'is cut as the copy starts': (proxy) => proxy.cutAt('copy', 'before'),
  'is cut as the rows are sent': (proxy) => proxy.cutAt('number 0', 'before'),
  'is cut between two tables': (proxy) => proxy.cutAt('audit_events', 'before'),
  'is cut at the commit': (proxy) => proxy.cutAt('commit', 'before'),
  'falls silent as the copy starts': (proxy) => proxy.freezeAt('copy'),
  'falls silent as the rows are sent': (proxy) => proxy.freezeAt('number 0'),
}

for (const [trouble, cause] of Object.entries(troubles)) {
  t.test(`no row is inserted if the connection ${trouble}`, async (t) => {
    const { database, proxy, count } = await openThroughProxy(t)
    const { insert } = database.openUserBatches()
    cause(proxy)

    await t.rejects(insert(batch, never), DatabaseUnavailableError)

    proxy.thaw()
    t.same(await count(), [0, 0])
    t.same(await insert(batch, never), { inserted: ROWS, conflicts: [] }, 'a second attempt succeeds')
    t.same(await count(), [ROWS, ROWS])
  })
}

t.test('many rows wait for a lock no longer than one row', async (t) => {
  const { database, url, schema, count } = await openThroughProxy(t)
  const { insert } = database.openUserBatches()
  const other = await openPool(t, url).connect()
  await other.query(`begin; lock table ${schema}.audit_events in exclusive mode`)

  await t.rejects(insert(batch, never), { name: 'DatabaseUnavailableError', cause: { code: '55P03' } })

  other.release(true)
  t.same(await count(), [0, 0])
})

t.test(
  'distinguishes rows that the server never accepts from a server that cannot accept any now',
  async (t) => {
    const { database, schema, count } = await openThroughProxy(t)
    const { insert } = database.openUserBatches()

    await t.rejects(insert([createNewUser({ name: 'a\0b' })], never), { code: '22021' })
    t.same(await count(), [0, 0])
    await asSuperuser(`revoke insert on ${schema}.audit_events from ${schema}`)
    await t.rejects(insert([createNewUser()], never), DatabaseUnavailableError)
    t.same(await count(), [0, 0])
  },
)

t.test('a row that cannot be serialised fails its batch, but not the next one', async (t) => {
  const { database, count } = await openThroughProxy(t)
  const { insert } = database.openUserBatches()

  await t.rejects(
    insert([createNewUser(), createNewUser({ createdAt: new Date(Number.NaN) })], never),
    RangeError,
  )
  t.same(await count(), [0, 0])
  t.same(await insert([createNewUser()], never), { inserted: 1, conflicts: [] })
})
