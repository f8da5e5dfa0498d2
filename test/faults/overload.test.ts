import { availableParallelism } from 'node:os'
import t from 'tap'
import { bearer, createApp, createToken, credentials, post } from '../helper.ts'
import { scrape } from '../scrape.ts'
import { until } from '../server-process.ts'

/** Many more than the cores can hash within the longest wait that the queue allows. */
const LOGINS = 400 * availableParallelism()

t.test('refuses logins before hashing when there are too many, and still checks tokens', async (t) => {
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
  t.ok(answered < LOGINS / 2, `${answered} answered so far: refusals are slower than requests`)
  const answers = await Promise.all(logins)

  const refused = answers.filter(({ statusCode }) => statusCode === 503)
  t.ok(refused.length > LOGINS / 2, `${refused.length} of ${answers.length} were refused`)
  t.ok(
    refused.every(
      (answer) => answer.json().code === 'overloaded' && /^\d+$/.test(`${answer.headers['retry-after']}`),
    ),
    'with the code and Retry-After',
  )
  t.ok(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 503))
  t.equal((await post(app, '/login', credentials)).statusCode, 200, 'a later login works again')
})
