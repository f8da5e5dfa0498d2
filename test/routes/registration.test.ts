import t from 'tap'
import { ada, assertProblem, bearer, collectLog, createApp, logIn, post } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

const CLOSED = { REGISTRATION: 'closed', THROTTLE: 'true', REGISTRATIONS_PER_ADDRESS: '1' }

t.test('closed registration refuses every request before it is read, counted or hashed', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, { ...settings, ...CLOSED })

  for (const body of [ada, ada, {}, 'no JSON', 'x'.repeat(20_000)]) {
    assertProblem(t, await post(app, '/register', body), 'registration_closed')
  }

  const db = openBeside(t, settings)
  t.equal(Number(await db.value('select count(*) from users')), 0)
  t.equal(Number(await db.value("select count(*) from audit_events where event <> 'sensitive_create'")), 0)
})

t.test('the log says once that everyone can register and pass the gateway', async (t) => {
  for (const [registration, times] of [
    ['open', 1],
    ['closed', 0],
  ] as const) {
    const log = collectLog()
    const settings = await sharedSettings(t)
    await post(await createApp(t, settings), '/register', ada)
    const app = await createApp(t, { ...settings, REGISTRATION: registration, LOG_LEVEL: 'warn' }, log.stream)
    const headers = bearer(await logIn(app))
    t.equal(log.text(), '', 'nothing before a gateway asks')
    for (let i = 0; i < 3; i++) {
      t.equal((await app.inject({ url: '/verify', headers })).statusCode, 200)
      t.equal((await app.inject('/verify/of/another/application')).statusCode, 401)
    }
    t.equal(log.text().split('REGISTRATION=closed').length - 1, times, registration)
  }
})
