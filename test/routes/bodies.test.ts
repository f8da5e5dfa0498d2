import { Readable } from 'node:stream'
import t from 'tap'
import { ada, assertProblem, collectLog, createApp, credentials, post } from '../helper.ts'

/** Every body here contains this, so that the tests notice when part of a body reaches the log. */
const SECRET = 'Geheimnis-5f3a9c'

const NO_JSON = 'The body is not valid JSON in UTF-8'

/** The two endpoints that read JSON, each with a valid body. */
const ENDPOINTS = [
  { url: '/register', good: { ...ada, password: SECRET } },
  { url: '/login', good: { ...credentials, password: SECRET } },
]

for (const { url, good } of ENDPOINTS) {
  const json = JSON.stringify(good)

  t.test(`${url} refuses a body that is not JSON in UTF-8`, async (t) => {
    const log = collectLog()
    const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
    const bodies = {
      nothing: '',
      'half an object': json.slice(0, -1),
      'a trailing comma': json.replace('}', ',}'),
      'two objects': json + json,
      'single quotes': json.replaceAll('"', "'"),
      'a comment': `/* ${SECRET} */ ${json}`,
      'a form': `email=ada@example.com&password=${SECRET}`,
      'a NUL after it': `${json}\0`,
      'a bare control character': json.replace(SECRET, `${SECRET}\n`),
      'a byte that is not UTF-8': Buffer.from(json.replace(SECRET, `${SECRET}\xff`), 'latin1'),
      'Latin-1': Buffer.from(json.replace(SECRET, `${SECRET}ü`), 'latin1'),
      'an overlong encoding': Buffer.from(json.replace(SECRET, `${SECRET}\xc0\xaf`), 'latin1'),
      'a surrogate in UTF-8': Buffer.from(json.replace(SECRET, `${SECRET}\xed\xa0\x80`), 'latin1'),
      'UTF-16': Buffer.from(`\ufeff${json}`, 'utf16le'),
      'a prototype': json.replace('}', ',"__proto__":{"admin":true}}'),
      'an escaped prototype': json.replace('}', ',"\\u005f_proto__":{"admin":true}}'),
      'a nested prototype': json.replace('}', ',"a":[{"__proto__":{"admin":true}}]}'),
    }
    for (const [about, body] of Object.entries(bodies)) {
      const answer = await post(app, url, body)
      assertProblem(t, answer, 'invalid_request', about)
      t.equal(answer.json().detail, NO_JSON)
    }
    t.notOk('admin' in {}, 'no prototype was changed')
    t.equal(log.text().match(/"msg":"request( completed)?"/g)?.length, Object.keys(bodies).length)
    t.notMatch(log.text(), SECRET)
  })

  t.test(`${url} refuses JSON of another shape`, async (t) => {
    const log = collectLog()
    const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)

    for (const body of ['null', 'true', '7', `"${SECRET}"`, `[${json}]`, '[]']) {
      const answer = await post(app, url, body)
      assertProblem(t, answer, 'invalid_request', body)
      t.strictSame(answer.json().errors, [{ path: '', message: 'must be object' }])
    }
    for (const field of ['email', 'password']) {
      for (const value of [null, true, 7, {}, [], [SECRET], { toString: SECRET }]) {
        const answer = await post(app, url, { ...good, [field]: value })
        assertProblem(t, answer, 'invalid_request', `${field} is ${JSON.stringify(value)}`)
        t.strictSame(answer.json().errors, [{ path: `/${field}`, message: 'must be string' }])
      }
      const answer = await post(app, url, { ...good, [field]: undefined })
      assertProblem(t, answer, 'invalid_request', `no ${field}`)
      t.strictSame(answer.json().errors, [{ path: `/${field}`, message: 'is required' }])
    }
    t.notMatch(log.text(), SECRET)
  })

  t.test(`${url} refuses unknown fields instead of dropping them`, async (t) => {
    const log = collectLog()
    const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)

    for (const field of ['is_admin', 'hashed_password', 'id', 'Password', 'constructor', 'toString', '']) {
      const answer = await post(app, url, { ...good, [field]: SECRET })
      assertProblem(t, answer, 'invalid_request', field)
      t.strictSame(answer.json().errors, [{ path: `/${field}`, message: 'is not known here' }])
      t.notMatch(answer.body, SECRET)
    }
    t.notMatch(log.text(), SECRET)
  })

  t.test(`${url} accepts every spelling of the media type of JSON`, async (t) => {
    const app = await createApp(t)
    for (const type of [
      'application/json',
      'Application/JSON',
      'application/json; charset=utf-8',
      'application/json;charset="UTF-8"',
      'application/json\t; x',
      ' application/json ',
    ]) {
      const answer = await post(app, url, {}, { 'content-type': type })
      assertProblem(t, answer, 'invalid_request', type)
      t.match(answer.json().errors, [{ message: 'is required' }], 'the body was read')
    }
    t.equal(
      (await post(app, '/register', `\ufeff${JSON.stringify(ada)}`)).statusCode,
      201,
      'a BOM is ignored',
    )
  })

  t.test(`${url} refuses any other media type`, async (t) => {
    const log = collectLog()
    const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
    for (const type of [
      'text/plain',
      'text/json',
      'text/html',
      'application/xml',
      'application/jsonx',
      'application/problem+json',
      'application/json, application/json',
      'application/*',
      'multipart/form-data; boundary=x',
      'json',
      'application',
      ';',
      '/',
      ' ',
      '\u00ff',
    ]) {
      const answer = await post(app, url, json, { 'content-type': type })
      assertProblem(t, answer, 'unsupported_media_type', JSON.stringify(type))
    }
    assertProblem(
      t,
      await app.inject({ method: 'POST', url, payload: json }),
      'unsupported_media_type',
      'none',
    )
    t.notMatch(log.text(), SECRET)
  })

  t.test(`${url} accepts a body of 16 KiB and refuses a larger one`, async (t) => {
    const log = collectLog()
    const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
    const padded = (length: number) => json + ' '.repeat(length - json.length)

    t.not((await post(app, url, padded(16_384))).statusCode, 413)
    for (const body of [padded(16_385), JSON.stringify({ ...good, password: SECRET.repeat(65_536) })]) {
      assertProblem(t, await post(app, url, body), 'content_too_large', `${body.length} bytes`)
      const inChunks = Readable.from([body.slice(0, 9000), body.slice(9000)])
      const answer = await app.inject({
        method: 'POST',
        url,
        payload: inChunks,
        headers: { 'content-type': 'application/json' },
      })
      assertProblem(t, answer, 'content_too_large', `${body.length} bytes without Content-Length`)
    }
    t.notMatch(log.text(), SECRET)
  })
}

t.test('/register refuses a form', async (t) => {
  const app = await createApp(t)

  const answer = await post(app, '/register', `username=ada@example.com&password=${ada.password}`, {
    'content-type': 'application/x-www-form-urlencoded',
  })

  assertProblem(t, answer, 'unsupported_media_type')
})
