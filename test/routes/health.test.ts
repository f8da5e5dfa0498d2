import t from 'tap'
import { assertProblem, collectLog, createApp } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'
import { withoutDatabase } from '../trouble.ts'

for (const url of ['/healthz', '/readyz']) {
  t.test(`${url} answers ok without credentials`, async (t) => {
    const app = await createApp(t)

    const answer = await app.inject(url)

    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
    t.strictSame(answer.json(), { status: 'ok' })
    const head = await app.inject({ method: 'HEAD', url })
    t.equal(head.statusCode, 200)
    t.equal(head.body, '')
  })

  t.test(`${url} refuses POST`, async (t) => {
    const app = await createApp(t)

    const answer = await app.inject({ method: 'POST', url })

    assertProblem(t, answer, 'method_not_allowed')
    t.equal(answer.headers['allow'], 'GET, HEAD')
  })
}

t.test(
  'the service is alive but not ready while the database fails, and ready again afterwards',
  async (t) => {
    const log = collectLog()
    const settings = await sharedSettings(t)
    const app = await createApp(t, { ...settings, LOG_LEVEL: 'trace' }, log.stream)

    await withoutDatabase(openBeside(t, settings), async () => {
      const unready = await app.inject('/readyz')
      assertProblem(t, unready, 'database_unavailable')
      t.match(unready.headers['retry-after'], /^\d+$/)
      t.equal((await app.inject('/healthz')).statusCode, 200)
    })

    t.equal((await app.inject('/readyz')).statusCode, 200)
    t.match(log.text(), /"SQLITE_CORRUPT"|"28000"/, 'the log says why')
  },
)
