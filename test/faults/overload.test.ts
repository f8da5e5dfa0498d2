import { availableParallelism } from 'node:os'
import t from 'tap'
import { bearer, createApp, createToken, credentials, post } from '../helper.ts'
import { scrape } from '../scrape.ts'
import { until } from '../server-process.ts'

/** Many more than the cores hash in as long as anybody is let wait, however many they are. */
const LOGINS = 400 * availableParallelism()

t.test('sends logins away before hashing when there are too many, and goes on checking', async (t) => {
  const app = await createApp(t, { METRICS_PORT: '0' })
  const token = await createToken(app)

  let answered = 0
  const logins = Array.from({ length: LOGINS }, async () => {
    const answer = await post(app, '/login', credentials)
    answered += 1
    return answer
  })
  await until(async () => ((await scrape(app)).get('postern_hash_queue_shed_total') ?? 0) > LOGINS / 2)
  const check = await app.inject({ url: '/getUser', headers: bearer(token) })
  t.equal(check.statusCode, 200)
  t.ok(
    answered < LOGINS / 2,
    `${answered} answered so far: there is no refusal to be had as fast as one can ask`,
  )
  const answers = await Promise.all(logins)

  const sentAway = answers.filter(({ statusCode }) => statusCode === 503)
  t.ok(sentAway.length > LOGINS / 2, `${sentAway.length} of ${answers.length} were sent away`)
  t.ok(
    sentAway.every(
      (answer) => answer.json().code === 'overloaded' && /^\d+$/.test(`${answer.headers['retry-after']}`),
    ),
    'and told so',
  )
  t.ok(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 503))
  t.equal((await post(app, '/login', credentials)).statusCode, 200, 'and then all is well again')
})
