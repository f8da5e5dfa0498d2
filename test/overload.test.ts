import t from 'tap'
import { bearer, credentials, makeApp, makeToken, post } from './helper.ts'

t.test('sends logins away before hashing when there are too many, and goes on checking', async (t) => {
  const app = await makeApp(t)
  const token = await makeToken(app)

  const logins = Array.from({ length: 400 }, () => post(app, '/login', credentials))
  const check = await app.inject({ url: '/getUser', headers: bearer(token) })
  t.equal(check.statusCode, 200)
  const answers = await Promise.all(logins)

  const sentAway = answers.filter(({ statusCode }) => statusCode === 503)
  t.ok(sentAway.length > 0, `${sentAway.length} of ${answers.length} were sent away`)
  for (const answer of sentAway) {
    t.equal(answer.json().code, 'overloaded')
    t.match(answer.headers['retry-after'], /^\d+$/)
  }
  t.ok(answers.every(({ statusCode }) => statusCode === 200 || statusCode === 503))
  t.equal((await post(app, '/login', credentials)).statusCode, 200, 'and then all is well again')
})
