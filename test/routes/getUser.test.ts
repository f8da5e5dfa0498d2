import t from 'tap'
import { ada, bearer, makeApp, makeToken } from '../helper.ts'

t.test('answers with the account of the token, and never with its hash', async (t) => {
  const app = await makeApp(t)
  const token = await makeToken(app)

  const response = await app.inject({ url: '/getUser', headers: bearer(token) })

  t.equal(response.statusCode, 200)
  t.equal(response.headers['cache-control'], 'no-store')
  t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
  const user = response.json()
  t.same(Object.keys(user), ['id', 'email', 'name', 'created_at'])
  t.match(user, { email: ada.email, name: ada.name, id: /^[0-9a-f]{8}-[0-9a-f]{4}-7/ })
})
