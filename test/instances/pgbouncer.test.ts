import pg from 'pg'
import t, { type Test } from 'tap'
import { startSession } from '../../drizzle/postgres/session.ts'
import { type Load, startLoad } from '../faults/load.ts'
import { createPostgres } from '../faults/scene.ts'
import { type ServerProcess, until } from '../server-process.ts'
import { createDeployment, PATIENT } from './deployment.ts'
import { type PgBouncer, startPgBouncer } from './pgbouncer.ts'

t.setTimeout(300_000)

const postgres = await createPostgres(t)

const SETTINGS = {
  databaseSchema: 'postern',
  databasePoolSize: 10,
  databaseConnectTimeoutMs: 2000,
  databaseStatementTimeoutMs: 1234,
  databaseLockTimeoutMs: 567,
}

async function connect(t: Test, url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.end())
  return client
}

/** The settings of a connection of the server. */
async function settingsOf(client: pg.Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ name: string; setting: string }>(
    `select name, setting from pg_settings
     where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'synchronous_commit',
       'search_path', 'enable_seqscan')
     order by name`,
  )
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
}

/** The settings of all connections of the pooler. */
async function settingsOfAll(t: Test, url: string): Promise<Record<string, string>[]> {
  const clients = await Promise.all([connect(t, url), connect(t, url), connect(t, url)])
  // Each in a transaction, so that three different connections are used.
  for (const client of clients) await client.query('begin')
  const settings = await Promise.all(clients.map(settingsOf))
  for (const client of clients) await client.query('rollback')
  return settings
}

function loadOn(instances: ServerProcess[]): Load {
  const address = () => instances[Math.floor(Math.random() * instances.length)]?.address ?? ''
  return startLoad({ address, people: 16, pause: 20 })
}

/** Asserts that a load has seen no wrong response, and that the server has logged no error. */
async function assertKept(t: Test, load: Load): Promise<void> {
  await load.stop()
  await load.settle()
  t.same(load.violations, [])
  t.notMatch(postgres.log(), /prepared statement|ERROR/)
}

t.test('sets up the session of a connection of its own, and does not change one of a pooler', async (t) => {
  const pooler = await startPgBouncer(t, postgres.url)
  const before = await settingsOfAll(t, pooler.url)
  for (let count = 0; count < 20; count++) {
    const pooled = await connect(t, pooler.url)
    t.same(await startSession(pooled, SETTINGS), { keepsStatements: false, isDurable: true })
  }
  t.same(await settingsOfAll(t, pooler.url), before)

  const direct = await connect(t, postgres.url)
  t.same(await startSession(direct, SETTINGS), { keepsStatements: true, isDurable: true })
  t.match(await settingsOf(direct), {
    statement_timeout: '1234',
    lock_timeout: '567',
    idle_in_transaction_session_timeout: '1234',
    synchronous_commit: 'on',
  })
})

t.test('ensures durable commits where it can, and warns where it cannot', async (t) => {
  const pooler = await startPgBouncer(t, postgres.url)
  const operator = await connect(t, postgres.url)
  await operator.query('alter role postgres set synchronous_commit = off')
  t.teardown(() => operator.query('alter role postgres reset synchronous_commit'))
  const direct = await connect(t, postgres.url)
  t.same(await startSession(direct, SETTINGS), { keepsStatements: true, isDurable: true })
  t.match(await settingsOf(direct), { synchronous_commit: 'on' })

  const pooled = createDeployment(t, pooler.url)
  const instance = await pooled.start()
  t.match(instance.stdout(), 'synchronous_commit = on in PostgreSQL', 'the log warns')
})

t.test('two instances behind a pooler with three connections serve a load', async (t) => {
  const pooler = await startPgBouncer(t, postgres.url)
  const before = await settingsOfAll(t, pooler.url)
  const deployment = createDeployment(t, pooler.url, PATIENT)
  const instances = await Promise.all([deployment.start(), deployment.start()])
  const load = loadOn(instances)
  await until(() => load.endedTokens.length > 60)
  await assertKept(t, load)
  t.same(
    Object.keys(load.answers).filter((answer) => /database_unavailable|lost/.test(answer)),
    [],
  )
  t.match(JSON.parse(await deployment.command('keys', 'rotate', '--json')), [{ state: 'published' }])
  t.same(await settingsOfAll(t, pooler.url), before, 'the settings of its connections are unchanged')
})

/** Asserts that two instances under load answer 503 during an outage, and recover. */
async function assertRecovers(
  t: Test,
  pooler: PgBouncer,
  outage: { begin(): Promise<void>; end(): Promise<void> },
): Promise<void> {
  const deployment = createDeployment(t, pooler.url)
  const instances = await Promise.all([deployment.start(), deployment.start()])
  const load = loadOn(instances)
  await until(() => load.endedTokens.length > 5)

  await outage.begin()
  await until(() => Object.keys(load.answers).some((answer) => answer.endsWith('database_unavailable')))
  for (const { address } of instances) {
    t.equal((await fetch(`${address}/readyz`)).status, 503)
    t.equal((await fetch(`${address}/healthz`)).status, 200)
  }
  await outage.end()
  for (const { address } of instances) {
    await until(async () => (await fetch(`${address}/readyz`)).status === 200)
  }
  const ended = load.endedTokens.length
  await until(() => load.endedTokens.length > ended + 10)
  await assertKept(t, load)
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  t.test(`a pooler that ends by ${signal} under load is a 503 until it is back`, async (t) => {
    const pooler = await startPgBouncer(t, postgres.url)
    await assertRecovers(t, pooler, { begin: () => pooler.stop(signal), end: pooler.start })
  })
}

t.test('a server that stops behind a pooler is a 503 until it is back', async (t) => {
  const pooler = await startPgBouncer(t, postgres.url)
  await assertRecovers(t, pooler, { begin: () => postgres.stop('fast'), end: postgres.start })
})
