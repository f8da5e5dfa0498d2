import t from 'tap'
import { ada, assertProblem, bearer, createApp, createToken, credentials, logIn, post } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

t.test('returns the user of the token, without the password hash', async (t) => {
  const app = await createApp(t)
  const registered = (await post(app, '/register', ada)).json()
  const token = await logIn(app)

  const answer = await app.inject({ url: '/getUser', headers: bearer(token) })

  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.same(Object.keys(answer.json()), ['id', 'email', 'name', 'created_at'])
  t.strictSame(answer.json(), registered)
})

t.test('returns to each caller their own user', async (t) => {
  const app = await createApp(t)
  const eve = { email: 'eve@example.com', password: 'another long password', name: 'Eve' }
  const tokens = [await createToken(app), await createToken(app, eve)]

  const names = await Promise.all(
    tokens.map(async (token) => (await app.inject({ url: '/getUser', headers: bearer(token) })).json().name),
  )

  t.strictSame(names, [ada.name, eve.name])
})

t.test('returns what the database says now, not what the token says', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)

  await openBeside(t, settings).run("update users set name = null, email = 'countess@example.com'")

  const { email, name } = (await app.inject({ url: '/getUser', headers: bearer(token) })).json()
  t.strictSame({ email, name }, { email: 'countess@example.com', name: null })
})

t.test('answers a request without a token with a bare challenge', async (t) => {
  const app = await createApp(t)

  const answer = await app.inject('/getUser')

  assertProblem(t, answer, 'authentication_required')
  t.equal(answer.headers['www-authenticate'], 'Bearer')
  t.equal(answer.headers['cache-control'], 'no-store')
})

t.test('accepts a token only in the Authorization header', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)

  const requests = [
    { url: `/getUser?access_token=${token}` },
    { url: `/getUser?token=${token}&authorization=Bearer%20${token}` },
    { url: '/getUser', headers: { cookie: `access_token=${token}; token=${token}; Authorization=${token}` } },
    { url: '/getUser', headers: { 'x-access-token': token, 'proxy-authorization': `Bearer ${token}` } },
    { url: '/getUser', headers: { 'x-forwarded-authorization': `Bearer ${token}` } },
    {
      url: '/getUser',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `access_token=${token}`,
    },
  ]
  for (const request of requests) {
    assertProblem(t, await app.inject(request), 'authentication_required', Object.keys(request).join())
  }
})

t.test('ignores a body, a query and conditional headers', async (t) => {
  const app = await createApp(t)
  const headers = {
    ...bearer(await createToken(app)),
    'content-type': 'application/json',
    'if-none-match': '*',
    range: 'bytes=0-1',
  }

  const answer = await app.inject({ url: '/getUser?__proto__=x&id=0', headers, payload: '{' })

  t.equal(answer.statusCode, 200)
  t.equal(answer.json().email, ada.email)
})

t.test('answers HEAD with the headers of GET', async (t) => {
  const app = await createApp(t)
  const headers = bearer(await createToken(app))

  const get = await app.inject({ url: '/getUser', headers })
  const head = await app.inject({ method: 'HEAD', url: '/getUser', headers })

  t.equal(head.statusCode, 200)
  t.equal(head.body, '')
  for (const name of ['content-type', 'content-length', 'cache-control']) {
    t.equal(head.headers[name], get.headers[name], name)
  }
  t.equal((await app.inject({ method: 'HEAD', url: '/getUser' })).statusCode, 401)
})

t.test('a logout does not end the user’s other sessions', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)
  const tokens = [await logIn(app), await logIn(app)] as const

  await app.inject({ method: 'POST', url: '/logout', headers: bearer(tokens[0]) })

  assertProblem(t, await app.inject({ url: '/getUser', headers: bearer(tokens[0]) }), 'invalid_token')
  t.equal((await app.inject({ url: '/getUser', headers: bearer(tokens[1]) })).statusCode, 200)
  t.equal((await post(app, '/login', credentials)).statusCode, 200)
})
