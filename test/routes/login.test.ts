import t from 'tap'
import { claimsOf, decodeHeader } from '../forge.ts'
import {
  type Answer,
  ada,
  assertProblem,
  bearer,
  createApp,
  createToken,
  credentials,
  post,
} from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

const INVALID_CREDENTIALS = {
  type: 'about:blank',
  title: 'The e-mail or the password is wrong',
  status: 401,
  code: 'invalid_credentials',
}

/** All that a client can see of a response, except for what differs between any two. */
function visible({ statusCode, headers, body }: Answer): object {
  const { 'x-request-id': _id, date: _date, ...rest } = headers
  return { statusCode, headers: rest, body }
}

t.test('returns a bearer token of exactly this form for the right password', async (t) => {
  const app = await createApp(t)
  const { id } = (await post(app, '/register', ada)).json()

  const answer = await post(app, '/login', credentials)

  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(answer.headers['cache-control'], 'no-store')
  const { access_token: token, ...rest } = answer.json()
  t.strictSame(rest, { token_type: 'bearer', expires_in: 900 })
  const { jti, iat, exp, ...claims } = claimsOf(token)
  t.strictSame(claims, {
    iss: 'postern',
    aud: 'postern',
    client_id: 'postern',
    sub: id,
    ver: 0,
    email: ada.email,
  })
  t.match(jti, /^[0-9a-f-]{36}$/)
  t.equal(Number(exp) - Number(iat), 900)
  const { kid, ...header } = decodeHeader(token)
  t.strictSame(header, { alg: 'ES256', typ: 'at+jwt' })
  t.type(kid, 'string')
  t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 200)
})

t.test('takes issuer, audience and lifetime of a token from the settings', async (t) => {
  const app = await createApp(t, {
    ISSUER: 'https://login.example.com',
    AUDIENCE: 'https://api.example.com',
    ACCESS_TOKEN_EXPIRE_MINUTES: '60',
  })
  await post(app, '/register', ada)

  const { access_token: token, expires_in: expiresIn } = (await post(app, '/login', credentials)).json()

  t.equal(expiresIn, 3600)
  const { iss, aud, iat, exp } = claimsOf(token)
  t.strictSame({ iss, aud }, { iss: 'https://login.example.com', aud: 'https://api.example.com' })
  t.equal(Number(exp) - Number(iat), 3600)
  t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 200)
})

t.test('returns another token at each login', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)

  const tokens = [await post(app, '/login', credentials), await post(app, '/login', credentials)].map(
    (answer) => answer.json().access_token,
  )

  t.not(claimsOf(tokens[0])['jti'], claimsOf(tokens[1])['jti'])
})

t.test('finds a user by their e-mail in any case and with surrounding spaces', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)

  const answer = await post(app, '/login', { email: ' ADA@Example.com\n', password: ada.password })

  t.equal(answer.statusCode, 200)
})

t.test('answers an unknown e-mail and a wrong password with the same bytes', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)

  const wrong = await post(app, '/login', { email: ada.email, password: 'not the password' })
  const unknown = await post(app, '/login', { email: 'eve@example.com', password: ada.password })

  t.equal(wrong.statusCode, 401)
  t.equal(wrong.headers['www-authenticate'], 'Bearer')
  t.equal(wrong.headers['cache-control'], 'no-store')
  t.strictSame(wrong.json(), INVALID_CREDENTIALS)
  t.strictSame(visible(unknown), visible(wrong))
})

t.test('answers a malformed e-mail like an unknown one', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)
  const emails = [
    'ada',
    `${ada.email}\u0000`,
    `\u0000${ada.email}`,
    `${ada.email}\ud800`,
    `${'a'.repeat(320)}@example.com`,
    "' or 1=1 --",
    'a%',
    '*',
  ]
  for (const email of emails) {
    const answer = await post(app, '/login', { email, password: ada.password })
    assertProblem(t, answer, 'invalid_credentials', JSON.stringify(email))
  }
})

t.test('says that a user is disabled only if the password is right', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)
  await openBeside(t, settings).run('update users set disabled_at = ?', new Date())

  const right = await post(app, '/login', credentials)
  const wrong = await post(app, '/login', { ...credentials, password: 'not the password' })

  assertProblem(t, right, 'account_disabled')
  t.equal(right.headers['cache-control'], 'no-store')
  t.strictSame(wrong.json(), INVALID_CREDENTIALS)
  const refused = await app.inject({ url: '/getUser', headers: bearer(token) })
  assertProblem(t, refused, 'invalid_token', 'a token from before')
})

t.test('accepts credentials only in the body', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)

  const query = new URLSearchParams(credentials)
  assertProblem(t, await post(app, `/login?${query}`, {}), 'invalid_request')
  const basic = Buffer.from(`${ada.email}:${ada.password}`).toString('base64')
  assertProblem(t, await post(app, '/login', {}, { authorization: `Basic ${basic}` }), 'invalid_request')
})
