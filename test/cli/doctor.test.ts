import { chmodSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import t, { type Test } from 'tap'
import { type CliOptions, postern } from '../cli.ts'
import { startServer } from '../server-process.ts'

/** Settings without a finding. */
const GOOD = {
  ISSUER: 'https://auth.example.com',
  TRUST_PROXY: '127.0.0.1',
  BCRYPT_COST: '10',
  REGISTRATION: 'closed',
}

interface Result {
  check: string
  status: 'ok' | 'warn' | 'fail'
  detail: string
  remedy: string | null
}

/** Runs the doctor, and leaves out how fast this machine is. */
async function examine(
  options: CliOptions,
): Promise<{ code: number | null; results: Result[]; text: string }> {
  const { code, stdout, stderr } = await postern(['doctor', '--json'], options)
  const results: Result[] = JSON.parse(stdout)
  return { code, results: results.filter(({ check }) => check !== 'hashing'), text: stdout + stderr }
}

/** The findings that are not ok, without how full this machine's disk is. */
const bad = (results: Result[]) => results.filter(({ check, status }) => status !== 'ok' && check !== 'disk')

/** A deployment whose service has stopped. */
async function setScene(t: Test): Promise<{ cwd: string; path: string; env: Record<string, string> }> {
  const cwd = t.testdir()
  const { stop } = await startServer(t, { cwd })
  await stop()
  return { cwd, path: join(cwd, 'data', 'postern.db'), env: GOOD }
}

t.test('finds nothing wrong with a deployment, and changes nothing', async (t) => {
  const { cwd, path, env } = await setScene(t)
  const before = readFileSync(path)

  const { code, results } = await examine({ cwd, env })

  t.same(bad(results), [])
  t.equal(code, 0)
  const checks = ['node', 'settings', 'secret', 'database', 'file', 'tables', 'keys', 'clock']
  t.same(
    results.map(({ check }) => check),
    [...checks, 'disk', 'permissions', 'issuer', 'registration', 'proxies'],
  )
  t.ok(readFileSync(path).equals(before))
  t.same(readdirSync(join(cwd, 'data')), ['postern.db', 'postern.db.secret'])
  const { stdout } = await postern(['doctor'], { cwd, env })
  t.match(stdout, /^ok {4}keys {9}[0-9a-f]{24} has signed with ES256/m)
  t.match(stdout, /^ok: \d+, warnings: \d, failures: 0$/m)
})

t.test('works before the first start, and creates nothing', async (t) => {
  const cwd = t.testdir()

  const { code, results } = await examine({ cwd })

  t.equal(code, 0)
  t.match(bad(results), [
    { check: 'database', detail: 'the service creates it when it starts' },
    { check: 'issuer', detail: 'ISSUER is postern' },
    { check: 'proxies', remedy: 'Set TRUST_PROXY=127.0.0.1 if' },
  ])
  t.same(readdirSync(cwd), [])
})

t.test('names every invalid setting, and checks everything else', async (t) => {
  const { cwd, env } = await setScene(t)
  const wrong = { ALGORITHM: 'ES257', SECRET_KEY: 'a-short-secret', PORT: 'http' }

  const { code, results, text } = await examine({
    cwd,
    env: { ...env, ...wrong, DATABSE_URL: 'postgres://u:a-password@h/d', TRUST_PROXY: '10.0.0.1,0.0.0.0/1' },
  })

  t.equal(code, 1)
  const settings = results.filter(({ check }) => check === 'settings')
  t.same(settings.map(({ status }) => status).sort(), ['fail', 'fail', 'fail', 'warn'])
  for (const name of Object.keys(wrong))
    t.ok(settings.some(({ detail }) => detail.startsWith(`${name} must be`)))
  t.match(settings, [{ detail: 'DATABSE_URL is not a setting', remedy: 'Rename it to DATABASE_URL' }])
  t.match(
    results.find(({ check }) => check === 'proxies'),
    { status: 'fail', detail: 'TRUST_PROXY has 0.0.0.0/1' },
  )
  t.match(
    results.find(({ check }) => check === 'database'),
    { status: 'ok' },
  )
  t.notMatch(text, /a-short-secret|a-password/)
  const url = await examine({ cwd, env: { ...env, DATABASE_URL: 'mysql://u:a-password@h/d' } })
  t.equal(url.code, 1)
  t.match(bad(url.results), [{ check: 'settings', detail: 'DATABASE_URL must be' }])
  t.notOk(
    url.results.some(({ check }) => check === 'database'),
    'no other database is checked instead',
  )
  t.notMatch(url.text, 'a-password')
})

t.test('distinguishes a missing secret from a wrong one', async (t) => {
  const { cwd, path, env } = await setScene(t)
  const SECRET_KEY = 'another secret for tests, of 32 bytes or more'

  const wrong = await examine({ cwd, env: { ...env, SECRET_KEY } })
  t.equal(wrong.code, 1)
  t.match(bad(wrong.results), [{ check: 'keys', status: 'fail', detail: 'SECRET_KEY does not open' }])
  t.notOk(wrong.text.includes(SECRET_KEY))

  writeFileSync(`${path}.secret`, 'cut')
  const short = await examine({ cwd, env })
  t.match([short.code, bad(short.results)], [1, [{ check: 'secret', detail: 'is too short' }]])

  rmSync(`${path}.secret`)
  const missing = await examine({ cwd, env })
  t.match(
    [missing.code, bad(missing.results)],
    [1, [{ check: 'secret', remedy: 'Restore ./data/postern.db.secret' }]],
  )
})

t.test('finds files whose secrets others can read', async (t) => {
  const { cwd, path, env } = await setScene(t)
  writeFileSync(join(cwd, '.env'), `SECRET_KEY=${readFileSync(`${path}.secret`, 'utf8')}`, { mode: 0o644 })
  chmodSync(path, 0o640)
  chmodSync(`${path}.secret`, 0o604)

  const { code, results } = await examine({ cwd, env })

  t.equal(code, 1)
  t.match(bad(results), [
    { check: 'permissions', status: 'warn', remedy: 'chmod 600 ./data/postern.db' },
    { check: 'permissions', status: 'fail', remedy: 'chmod 600 ./data/postern.db.secret' },
    { check: 'permissions', status: 'fail', remedy: 'chmod 600 .env' },
  ])
})

t.test(
  'finds a clock that was set back, tables of another version, and keys that are not rotated',
  async (t) => {
    const { cwd, path, env } = await setScene(t)
    const db = new SqliteDriver(path)
    t.teardown(() => db.close())
    const DAY = 86_400_000
    const back = 'update signing_keys set created_at = created_at - ?, activates_at = activates_at - ?'

    db.prepare(back).run(3 * DAY, 3 * DAY)
    const overdue = await examine({ cwd, env: { ...env, KEY_ROTATION_DAYS: '1' } })
    t.match(
      [overdue.code, bad(overdue.results)],
      [0, [{ check: 'keys', status: 'warn', detail: 'has signed for 3 days' }]],
    )

    db.prepare(back).run(-4 * DAY, -4 * DAY)
    const clock = await examine({ cwd, env })
    t.equal(clock.code, 1)
    t.match(bad(clock.results), [{ check: 'clock', status: 'fail', remedy: 'NTP' }])
    db.prepare(back).run(DAY, DAY)

    db.exec('insert into postern_migrations values (99999999999999, 0, 0)')
    const newer = await examine({ cwd, env })
    t.match([newer.code, bad(newer.results)], [1, [{ check: 'tables', detail: 'a newer version' }]])

    db.exec(
      'delete from postern_migrations where created_at > (select min(created_at) from postern_migrations)',
    )
    const older = await examine({ cwd, env })
    t.match([older.code, bad(older.results)], [0, [{ check: 'tables', remedy: 'postern migrate' }]])
  },
)

t.test('finds users who share a mailbox', async (t) => {
  const { cwd, path, env } = await setScene(t)
  const database = new SqliteDriver(path)
  const insert = database.prepare(
    `insert into users (id, email, hashed_password, created_at) values (?, ?, '', ${Date.now()})`,
  )
  const emails = ['ada@münchen.de', 'ada@xn--mnchen-3ya.de', 'eve@münchen.de', '"bob"@x.org', 'eve@x.org']
  for (const email of emails) insert.run(email, email)
  database.close()

  const { code, results } = await examine({ cwd, env })

  t.match(bad(results), [
    { check: 'users', status: 'warn', detail: /^1 mailboxes .*: ada@münchen.de and ada@xn--/ },
  ])
  t.equal(code, 0)
})

t.test('finds users whose hashes have a higher cost than new ones', async (t) => {
  const { cwd, path, env } = await setScene(t)
  const database = new SqliteDriver(path)
  const insert = database.prepare(
    `insert into users (id, email, hashed_password, created_at) values (?, ?, ?, ${Date.now()})`,
  )
  const costs = ['04', '10', '11', '11', '14']
  for (const [id, cost] of costs.entries())
    insert.run(`${id}`, `${id}@x.org`, `$2b$${cost}$${'.'.repeat(53)}`)
  insert.run('5', '5@x.org', '!')
  database.close()

  const { code, results } = await examine({ cwd, env })

  t.match(bad(results), [
    { check: 'users', status: 'warn', detail: /BCRYPT_COST=10 \(cost 11: 2, cost 14: 1\)/ },
  ])
  t.equal(code, 0)
})

t.test('finds a damaged file, and one that is no database', async (t) => {
  const { cwd, path, env } = await setScene(t)

  truncateSync(path, statSync(path).size - 8192)
  const damaged = await examine({ cwd, env })
  t.equal(damaged.code, 1)
  t.match(bad(damaged.results)[0], { status: 'fail', remedy: 'restore the last backup' })

  writeFileSync(path, 'no database at all, but some text of a certain length'.repeat(100))
  const other = await examine({ cwd, env })
  t.match([other.code, bad(other.results)], [1, [{ check: 'database', detail: 'file is not a database' }]])
})
