import t from 'tap'
import { ada, collectLog, createApp, post } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'
import { from, nthAddress, THROTTLED, tryLogIn } from '../throttling.ts'

t.test('a flood is recorded once for each reason, not for each request', async (t) => {
  const settings = {
    ...(await sharedSettings(t)),
    ...THROTTLED,
    LOGIN_FAILURES_PER_ACCOUNT: '5',
    REGISTRATIONS_PER_ADDRESS: '1',
    LOG_LEVEL: 'info',
  }
  const log = collectLog()
  const app = await createApp(t, settings, log.stream)
  const { id } = (await post(app, '/register', ada, from('203.0.113.1'))).json()
  for (let i = 0; i < 5; i++) await tryLogIn(app, '192.0.2.1', { password: `guess ${i}` })
  for (let n = 0; n < 20; n++) await tryLogIn(app, nthAddress(n), { password: `guess ${n}` })
  for (let n = 0; n < 5; n++) {
    await post(app, '/register', { ...ada, email: `user${n}@example.com` }, from('203.0.113.1'))
  }

  const events = await openBeside(t, settings).all(
    "select reason, user_id, address from audit_events where event = 'excess_rate_limit_exceeded' order by id",
  )
  t.match(events, [
    { reason: 'login_failures_per_account_and_address', user_id: id, address: '192.0.2.1' },
    { reason: 'login_failures_per_account', user_id: id, address: nthAddress(4) },
    { reason: 'registrations_per_address', user_id: null, address: '203.0.113.1' },
  ])
  t.equal(events.length, 3)
  t.equal(log.text().match(/"msg":"excess_rate_limit_exceeded"/g)?.length, 3, 'also in the log')
})

t.test('every refusal is counted, by endpoint and limit', async (t) => {
  const app = await createApp(t, { ...THROTTLED, LOGIN_FAILURES_PER_ACCOUNT: '5', METRICS_PORT: '0' })
  for (let i = 0; i < 4; i++) await tryLogIn(app, '192.0.2.1', { password: `guess ${i}` })
  const { body } = await app.postern.metrics()
  t.match(body, /^postern_throttled_total\{.*limit="login_failures_per_account_and_address".*\} 3$/m)
})
