import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { claimsOf, encode, forge, headerOf, stealKeys } from '../forge.ts'
import { ada, bearer, createApp, createToken, credentials, logIn, post } from '../helper.ts'
import { addClient, postForm } from '../oauth.ts'
import { growth, scrape } from '../scrape.ts'
import { isPostgres, openBeside, sharedSettings } from '../shared-database.ts'
import { withoutDatabase } from '../trouble.ts'

/** Asserts by how much the samples of a metric grow while something happens. */
async function assertGrowth(
  t: Test,
  app: FastifyInstance,
  name: string,
  expected: Record<string, number>,
  action: () => Promise<unknown>,
): Promise<void> {
  const before = await scrape(app)
  await action()
  const grown = growth(before, await scrape(app), name)
  // The query of the scrapes themselves.
  delete grown[`${name}{query="signingKeys.list"}`]
  t.same(grown, expected, Object.keys(expected).join() || `no ${name}`)
}

async function createScene(t: Test) {
  const settings = await sharedSettings(t)
  const app = await createApp(t, { ...settings, METRICS_PORT: '0' })
  return { app, db: openBeside(t, settings), settings, token: await createToken(app) }
}

t.test('counts each check once, and each refusal by its reason', async (t) => {
  const { app, db, settings, token } = await createScene(t)
  const [key] = await stealKeys(db, settings.SECRET_KEY)
  if (!key) throw new Error('There is no key to steal')
  const claims = claimsOf(token)
  const id = String(claims['sub'])
  const ask = (authorization?: string, url = '/getUser') =>
    app.inject({ url, headers: authorization === undefined ? {} : { authorization } })
  const refused = (reason: string, authorization?: string, url?: string) =>
    assertGrowth(
      t,
      app,
      'postern_checks_refused_total',
      { [`postern_checks_refused_total{reason="${reason}"}`]: 1 },
      () => ask(authorization, url),
    )
  const strange = `${encode({ ...headerOf(key), kid: 'another' })}.${token.split('.').slice(1).join('.')}`

  await refused('no_token')
  await refused('no_token', 'Basic YTpi')
  await refused('malformed', 'Bearer a b')
  await refused('invalid', `Bearer ${token.slice(0, -8)}AAAAAAAA`)
  await refused('unknown_key', 'Bearer x.y.z')
  await refused('unknown_key', `Bearer ${strange}`)
  await refused('expired', `Bearer ${forge(key, { ...claims, exp: Number(claims['iat']) - 1 })}`)
  await assertGrowth(
    t,
    app,
    'postern_checks_admitted_total',
    { postern_checks_admitted_total: 2 },
    async () => {
      await ask(`Bearer ${token}`)
      await ask(`Bearer ${token}`, '/verify/any')
    },
  )
  await withoutDatabase(db, () => refused('unavailable', `Bearer ${token}`))

  const left = await logIn(app)
  await app.inject({ method: 'POST', url: '/logout', headers: bearer(left) })
  await refused('revoked', `Bearer ${left}`)
  await app.postern.logOutEverywhere(id)
  await refused('superseded', `Bearer ${token}`)
  const other = await logIn(app)
  await app.postern.disableUser(id)
  await refused('account_disabled', `Bearer ${other}`)
  await refused('account_disabled', `Bearer ${other}`, '/verify')
  await app.postern.deleteUser(id)
  await refused('account_deleted', `Bearer ${other}`)
  const last = await createToken(app)
  await db.run('update signing_keys set retires_at = ?', new Date())
  await refused('key_retired', `Bearer ${last}`)
})

t.test('counts the checks of clients and of code, and nothing that is no check', async (t) => {
  const { app, db, token } = await createScene(t)
  const { header } = await addClient(db)
  const admitted = (count: number, action: () => Promise<unknown>) =>
    assertGrowth(
      t,
      app,
      'postern_checks_admitted_total',
      count === 0 ? {} : { postern_checks_admitted_total: count },
      action,
    )
  const invalid = 'postern_checks_refused_total{reason="unknown_key"}'

  await admitted(1, () => postForm(app, '/introspect', { token }, header))
  await admitted(1, () => app.postern.verifyToken(token))
  await assertGrowth(t, app, 'postern_checks_refused_total', { [invalid]: 1 }, () =>
    postForm(app, '/introspect', { token: 'x.y.z' }, header),
  )
  await assertGrowth(t, app, 'postern_checks_refused_total', {}, async () => {
    await app.inject({ method: 'POST', url: '/logout' })
    await postForm(app, '/revoke', { token: 'x.y.z' }, header)
    await app.inject('/healthz')
  })
  await admitted(0, () => app.inject({ method: 'POST', url: '/logout', headers: bearer(token) }))
})

t.test('counts logins by their outcome, and revocations', async (t) => {
  const { app, token } = await createScene(t)
  const login = (outcome: string, body: object) =>
    assertGrowth(t, app, 'postern_logins_total', { [`postern_logins_total{outcome="${outcome}"}`]: 1 }, () =>
      post(app, '/login', body),
    )

  await login('succeeded', credentials)
  await login('wrong_password', { ...credentials, password: 'something else' })
  await login('unknown_email', { ...credentials, email: 'nobody@example.com' })
  await app.postern.disableUser(String(claimsOf(token)['sub']))
  await login('account_disabled', credentials)
  await assertGrowth(t, app, 'postern_logins_total', {}, () => post(app, '/login', { email: ada.email }))

  await assertGrowth(t, app, 'postern_revocations_total', { postern_revocations_total: 1 }, () =>
    app.inject({ method: 'POST', url: '/logout', headers: bearer(token) }),
  )
})

t.test('counts requests that throttling refuses', async (t) => {
  const app = await createApp(t, { METRICS_PORT: '0', THROTTLE: 'true', LOGIN_FAILURES_PER_ADDRESS: '1' })
  const wrong = () => post(app, '/login', { ...credentials, password: 'something else' })
  await wrong()

  const before = await scrape(app)
  t.equal((await wrong()).statusCode, 429)

  const [[series, count] = []] = Object.entries(growth(before, await scrape(app), 'postern_throttled_total'))
  t.match(series, /^postern_throttled_total\{endpoint="\/login",limit="\w+"\}$/)
  t.equal(count, 1)
})

t.test('says how old the keys are, including those that another process created', async (t) => {
  const settings = await sharedSettings(t)
  const first = await createApp(t, settings)
  await first.ready()
  await openBeside(t, settings).run('update signing_keys set activates_at = ?', new Date(Date.now() - 60_000))
  const app = await createApp(t, { ...settings, METRICS_PORT: '0' })
  await app.ready()

  const samples = await scrape(app)
  t.equal(samples.get('postern_signing_keys{state="signing"}'), 1)
  t.ok(Number(samples.get('postern_signing_key_age_seconds{state="signing"}')) >= 60)
  t.notOk([...samples.keys()].some((series) => series.startsWith('postern_signing_key_remaining_seconds')))
})

t.test('a key that is only published has no age yet', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, { ...settings, METRICS_PORT: '0' })
  await app.ready()
  await openBeside(t, settings).run('update signing_keys set activates_at = ?', new Date(Date.now() + 60_000))

  const samples = await scrape(app)

  t.equal(samples.get('postern_signing_keys{state="published"}'), 1)
  t.notOk(samples.has('postern_signing_key_age_seconds{state="published"}'))
})

t.test('shows the keys that it read last while the database does not answer', async (t) => {
  const { app, db } = await createScene(t)
  const before = await scrape(app)
  t.equal(before.get('postern_signing_keys{state="signing"}'), 1)

  await withoutDatabase(db, async () => {
    t.equal((await scrape(app)).get('postern_signing_keys{state="signing"}'), 1)
    const during = await scrape(app)
    t.equal(during.get('postern_signing_keys{state="signing"}'), 1)
    const failed = 'postern_database_errors_total{query="signingKeys.list"}'
    t.ok(Number(during.get(failed)) > Number(before.get(failed)), 'which is counted')
  })
})

t.test('says how long queries take, and which fail', async (t) => {
  const { app, db, token } = await createScene(t)
  const count = 'postern_database_query_duration_seconds_count'

  await assertGrowth(t, app, count, { [`${count}{query="principals.load"}`]: 1 }, () =>
    app.inject({ url: '/getUser', headers: bearer(token) }),
  )
  await assertGrowth(t, app, count, { [`${count}{query="ping"}`]: 1 }, () => app.inject('/readyz'))
  const errors = 'postern_database_errors_total'
  const failed = { [`${errors}{query="ping"}`]: 1, [`${errors}{query="principals.load"}`]: 1 }
  await withoutDatabase(db, () =>
    assertGrowth(t, app, errors, failed, async () => {
      await app.inject('/readyz')
      await app.inject({ url: '/getUser', headers: bearer(token) })
    }),
  )
})

t.test('says how the connections to a server are used, where there are any', async (t) => {
  const { app } = await createScene(t)

  const pool = [...(await scrape(app))].filter(([series]) => series.startsWith('postern_database_pool_'))

  const values = pool.map(([, value]) => value)
  t.same(
    pool.map(([series]) => series.replace('postern_database_pool_', '')),
    isPostgres ? ['connections{state="idle"}', 'connections{state="busy"}', 'waiting'] : [],
  )
  t.ok(values.every((value) => Number.isInteger(value) && value >= 0))
  if (isPostgres) t.ok(values.some((value) => value > 0))
})
