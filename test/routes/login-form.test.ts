import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { type Answer, ada, assertProblem, collectLog, createApp, credentials, post } from '../helper.ts'

const FORM = 'application/x-www-form-urlencoded'

/** Submits a login form: fields, or a body that is sent unchanged. */
async function submit(
  app: FastifyInstance,
  body: Record<string, string> | string | Buffer | Readable,
  type = FORM,
): Promise<Answer> {
  const payload =
    typeof body === 'string' || Buffer.isBuffer(body) || body instanceof Readable
      ? body
      : new URLSearchParams(body).toString()
  return await app.inject({ method: 'POST', url: '/login', payload, headers: { 'content-type': type } })
}

const fields = { username: ada.email, password: ada.password }

t.test('returns a token for the form of OAuth 2, with and without its grant type', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)

  for (const form of [fields, { ...fields, grant_type: 'password' }, { ...fields, grant_type: '' }]) {
    const answer = await submit(app, form)
    t.equal(answer.statusCode, 200, JSON.stringify(form))
    t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
    t.equal(answer.headers['cache-control'], 'no-store')
    t.strictSame(Object.keys(answer.json()), ['access_token', 'token_type', 'expires_in'])
  }
})

t.test('accepts every spelling of the media type of a form', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)

  for (const type of [`${FORM}; charset=UTF-8`, FORM.toUpperCase(), `${FORM}\t; x`]) {
    t.equal((await submit(app, fields, type)).statusCode, 200, type)
  }
})

t.test('refuses any other grant type', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)

  for (const grantType of ['refresh_token', 'client_credentials', 'Password', 'password ']) {
    const answer = await submit(app, { ...fields, grant_type: grantType })
    assertProblem(t, answer, 'invalid_request', grantType)
    t.match(answer.json().errors, [{ path: '/grant_type' }])
  }
})

t.test('requires a username and a password, neither empty', async (t) => {
  const app = await createApp(t)
  const forms = [
    ['/username', `password=${SECRET}`],
    ['/username', `username=&password=${SECRET}`],
    ['/username', `email=${ada.email}&password=${SECRET}`],
    ['/username', `Username=${ada.email}&password=${SECRET}`],
    ['/password', `username=${ada.email}`],
    ['/password', `username=${ada.email}&password=`],
    ['/password', `username=${ada.email}&password`],
    ['/username', ''],
  ] as const
  for (const [path, form] of forms) {
    const answer = await submit(app, form)
    assertProblem(t, answer, 'invalid_request', form)
    t.strictSame(answer.json().errors, [{ path, message: 'is required' }])
  }
})

t.test('ignores unknown parameters, and refuses known ones that come twice', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)
  const form = new URLSearchParams(fields).toString()

  for (const more of [
    'scope=read',
    'scope=a&scope=b',
    'client_id=x&client_secret=y',
    '__proto__=x',
    '=&&=',
  ]) {
    t.equal((await submit(app, `${form}&${more}`)).statusCode, 200, more)
  }
  for (const twice of ['username', 'password', 'grant_type']) {
    const answer = await submit(app, `${form}&grant_type=password&${twice}=password`)
    assertProblem(t, answer, 'invalid_request', twice)
    t.strictSame(answer.json().errors, [{ path: `/${twice}`, message: 'must not come twice' }])
  }
})

t.test('accepts passwords with all characters that a form encodes', async (t) => {
  const app = await createApp(t)
  const passwords = ['a+b c&d=e%f;g', '100%25 sure', '  spaces  ', 'Zoë 山田 🏳️‍🌈 שלמה', '%2B%20+ +']
  for (const [index, password] of passwords.entries()) {
    const user = { email: `ada+${index}@example.com`, password }
    t.equal((await post(app, '/register', user)).statusCode, 201, password)
    t.equal((await submit(app, { username: user.email, password })).statusCode, 200, password)
  }
  t.equal((await submit(app, `username=ada+0@example.com&password=x`)).statusCode, 401, 'a plus is a space')
})

const SECRET = 'Geheimnis-5f3a9c'

t.test('refuses a form that is not percent-encoded UTF-8', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
  // The password that a lenient decoder would read from the bytes below.
  await post(app, '/register', { ...credentials, password: `${SECRET}\ufffd` })
  const start = `username=${encodeURIComponent(ada.email)}&password=${SECRET}`

  for (const end of ['%', '%2', '%zz', '%ff', '%C0%AF', '%ED%A0%80', '%F0%9F%98']) {
    assertProblem(t, await submit(app, start + end), 'invalid_request', end)
  }
  for (const end of ['\xff', '\xfe', '\xc0\xaf', '\xed\xa0\x80']) {
    const bytes = Buffer.from(start + end, 'latin1')
    const about = bytes.subarray(start.length).toString('hex')
    assertProblem(t, await submit(app, bytes), 'invalid_request', about)
    assertProblem(t, await submit(app, Readable.from([bytes])), 'invalid_request', `${about}, in chunks`)
  }
  t.equal((await submit(app, `${start}%EF%BF%BD`)).statusCode, 200, 'the right password is accepted')
  t.notMatch(log.text(), SECRET)
})

t.test('answers wrong credentials like the JSON login', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)

  for (const form of [
    { ...fields, password: 'not the password' },
    { ...fields, username: 'eve@example.com' },
    { ...fields, password: `${ada.password}\0` },
    { ...fields, username: `${ada.email}\0` },
    { ...fields, password: 'x'.repeat(73) },
  ]) {
    const answer = await submit(app, form)
    assertProblem(t, answer, 'invalid_credentials', JSON.stringify(form))
    t.equal(answer.headers['www-authenticate'], 'Bearer')
    t.equal(answer.headers['cache-control'], 'no-store')
  }
})

t.test('refuses a form of more than 16 KiB', async (t) => {
  const app = await createApp(t)

  assertProblem(t, await submit(app, { ...fields, password: 'x'.repeat(1_000_000) }), 'content_too_large')
})
