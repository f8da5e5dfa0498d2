import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import pg from 'pg'
import t, { type Test } from 'tap'
import { postern } from '../cli.ts'
import { startPostgres } from '../postgres-server.ts'

const SECRET_KEY = 'a secret for tests, of 32 bytes or more'
const GOOD = {
  REGISTRATION: 'closed',
  SECRET_KEY,
  ISSUER: 'https://auth.example.com',
  TRUST_PROXY: '127.0.0.1',
  BCRYPT_COST: '10',
}

interface Result {
  check: string
  status: string
  detail: string
  remedy: string | null
}

/** Runs the doctor, and leaves out how fast this machine is. */
async function examine(
  t: Test,
  env: Record<string, string>,
  args: string[] = [],
): Promise<{ code: number | null; results: Result[] }> {
  const { code, stdout, stderr } = await postern(['doctor', '--json', ...args], {
    cwd: t.testdir(),
    env: { ...GOOD, ...env },
  })
  t.notOk((stdout + stderr).includes(SECRET_KEY), 'no secret is shown')
  t.notMatch(stdout + stderr, new URL(env['DATABASE_URL'] ?? '').password)
  const results: Result[] = JSON.parse(stdout)
  return { code, results: results.filter(({ check }) => check !== 'hashing') }
}

const bad = (results: Result[]) => results.filter(({ status }) => status !== 'ok')

t.test('on a real server', async (t) => {
  const server = await startPostgres({ flags: { fsync: 'on', max_connections: '20' } })
  t.teardown(() => server.remove())
  const superuser = new pg.Pool({ connectionString: server.url, max: 1 })
  t.teardown(() => superuser.end())
  const DATABASE_URL = server.url

  t.test('finds nothing wrong, and creates no table', async (t) => {
    const { code, results } = await examine(t, { DATABASE_URL, DATABASE_POOL_SIZE: '4' })

    t.same([code, bad(results)], [0, []])
    t.match(results, [
      { check: 'node' },
      { check: 'settings' },
      { check: 'secret' },
      { check: 'database', detail: /^PostgreSQL 127\.0\.0\.1:\d+\/postgres answers$/ },
      { check: 'server', detail: /^PostgreSQL \d+/ },
      { check: 'durability' },
      { check: 'connections', detail: '1 × DATABASE_POOL_SIZE=4 of 17 connections' },
      { check: 'tables', detail: 'not created yet' },
      { check: 'clock', detail: 'agrees with the server' },
    ])
    const { rows } = await superuser.query("select from pg_namespace where nspname = 'postern'")
    t.equal(rows.length, 0)
  })

  t.test('checks connections and durability', async (t) => {
    const many = await examine(t, { DATABASE_URL, DATABASE_POOL_SIZE: '5' }, ['--instances', '4'])
    t.match(
      [many.code, bad(many.results)],
      [1, [{ check: 'connections', detail: '4 × DATABASE_POOL_SIZE=5 of 17' }]],
    )

    await superuser.query('alter role postgres set synchronous_commit = off')
    const asynchronous = await examine(t, { DATABASE_URL, DATABASE_POOL_SIZE: '4' })
    t.equal(asynchronous.code, 0)
    const durability = asynchronous.results.find(({ check }) => check === 'durability')
    t.match(durability, { status: 'ok', detail: 'but Postern sets it to on for its own connections' })
    await superuser.query('alter role postgres reset synchronous_commit')
  })

  t.test('finds keys of another secret, missing privileges, and a read-only server', async (t) => {
    const env = { DATABASE_URL, DATABASE_POOL_SIZE: '4' }
    await postern(['keys', 'rotate'], { cwd: t.testdir(), env: { ...GOOD, ...env } })
    const wrong = await postern(['doctor'], {
      cwd: t.testdir(),
      env: { ...GOOD, ...env, SECRET_KEY: 'another secret for tests, of 32 bytes or more' },
    })
    t.equal(wrong.code, 1)
    t.match(wrong.stdout, /^fail {2}keys {9}SECRET_KEY does not open/m)

    await superuser.query("create role reader login password 'a-password'")
    await superuser.query('grant usage on schema postern to reader')
    await superuser.query('grant select on all tables in schema postern to reader')
    const url = new URL(DATABASE_URL)
    url.username = 'reader'
    url.password = 'a-password'
    const reader = await examine(t, { ...env, DATABASE_URL: url.href })
    t.equal(reader.code, 1)
    t.match(bad(reader.results), [
      { check: 'tables', detail: 'the role lacks the privilege to delete on audit_events' },
    ])

    await superuser.query('alter role postgres set default_transaction_read_only = on')
    const standby = await examine(t, env)
    t.match([standby.code, bad(standby.results)], [1, [{ check: 'tables', detail: 'is read-only' }]])
  })

  t.test('says why the server refuses the login', async (t) => {
    const url = new URL(DATABASE_URL)
    url.password = 'not-the-password'
    const password = await examine(t, { DATABASE_URL: url.href })
    t.match(
      [password.code, bad(password.results)],
      [1, [{ check: 'database', remedy: 'Correct the user and the password' }]],
    )

    const other = new URL(DATABASE_URL)
    other.pathname = '/nowhere'
    const missing = await examine(t, { DATABASE_URL: other.href })
    t.match([missing.code, bad(missing.results)], [1, [{ check: 'database', remedy: 'create database' }]])
  })
})

t.test('says that the server is down, or does not respond', async (t) => {
  const refused = await examine(t, { DATABASE_URL: 'postgres://u:a-password@127.0.0.1:1/d' })
  t.match(
    [refused.code, bad(refused.results)],
    [1, [{ check: 'database', detail: 'ECONNREFUSED', remedy: 'Start the server' }]],
  )

  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const timeout = await examine(t, {
    DATABASE_URL: `postgres://u:a-password@127.0.0.1:${port}/d`,
    DATABASE_CONNECT_TIMEOUT_MS: '100',
  })
  t.match([timeout.code, bad(timeout.results)], [1, [{ check: 'database', detail: 'timeout' }]])
})

t.test('requires the secret that all instances share', async (t) => {
  const { code, stdout } = await postern(['doctor'], {
    cwd: t.testdir(),
    env: { DATABASE_URL: 'postgres://u:a-password@127.0.0.1:1/d' },
  })
  t.equal(code, 1)
  t.match(stdout, /^fail {2}secret {7}SECRET_KEY is not set$/m)
})
