import t, { type Test } from 'tap'
import { claimsOf } from '../forge.ts'
import { type Answer, assertProblem, bearer, collectLog, createApp, createToken } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

const METHODS = ['POST', 'GET'] as const

function assertLoggedOut(t: Test, answer: Answer): void {
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.equal(answer.body, '{"details":"Logged out"}')
}

for (const method of METHODS) {
  t.test(`${method} ends a session, and answers the same when it is repeated`, async (t) => {
    const app = await createApp(t)
    const headers = bearer(await createToken(app))

    assertLoggedOut(t, await app.inject({ method, url: '/logout', headers }))

    const refused = await app.inject({ url: '/getUser', headers })
    assertProblem(t, refused, 'invalid_token')
    t.match(refused.headers['www-authenticate'], /^Bearer error="invalid_token"/)
    assertLoggedOut(t, await app.inject({ method, url: '/logout', headers }))
    for (const other of METHODS)
      assertLoggedOut(t, await app.inject({ method: other, url: '/logout', headers }))
  })

  t.test(`${method} asks for a token if there is none, and refuses a foreign one`, async (t) => {
    const app = await createApp(t)
    const elsewhere = await createApp(t)

    const missing = await app.inject({ method, url: '/logout' })
    assertProblem(t, missing, 'authentication_required')
    t.equal(missing.headers['www-authenticate'], 'Bearer')
    t.equal(missing.headers['cache-control'], 'no-store')

    const token = await createToken(elsewhere)
    const foreign = await app.inject({ method, url: '/logout', headers: bearer(token) })
    assertProblem(t, foreign, 'invalid_token')
    t.match(foreign.headers['www-authenticate'], /^Bearer error="invalid_token"/)
    t.equal(foreign.headers['cache-control'], 'no-store')
  })
}

t.test('answers concurrent logouts of one session alike', async (t) => {
  const app = await createApp(t)
  const headers = bearer(await createToken(app))

  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      app.inject({ method: METHODS[index % 2] ?? 'POST', url: '/logout', headers }),
    ),
  )

  for (const answer of answers) assertLoggedOut(t, answer)
})

t.test('stores the id and the expiry of the token, never the token', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)
  const { jti, sub, exp } = claimsOf(token)

  await app.inject({ method: 'POST', url: '/logout', headers: bearer(token) })

  const rows = await openBeside(t, settings).all('select jti, user_id, expires_at from blacklisted_tokens')
  t.strictSame(rows, [{ jti, user_id: sub, expires_at: new Date(Number(exp) * 1000) }])
})

t.test('works for a user who is disabled, deleted or logged out everywhere', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const headers = bearer(await createToken(app))
  const db = openBeside(t, settings)

  for (const change of [
    'update users set token_version = token_version + 1',
    'update users set disabled_at = created_at',
    'delete from users',
  ]) {
    await db.run(change)
    assertLoggedOut(t, await app.inject({ method: 'POST', url: '/logout', headers }))
  }
})

t.test('ignores the body', async (t) => {
  const log = collectLog()
  const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
  const headers = bearer(await createToken(app))

  for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'x/y']) {
    for (const payload of ['', '{', 'x'.repeat(100_000)]) {
      const answer = await app.inject({
        method: 'POST',
        url: '/logout',
        headers: { ...headers, 'content-type': type },
        payload,
      })
      t.equal(answer.statusCode, 200, `${type}: ${payload.length} bytes`)
    }
  }
  const nonsense = { ...headers, 'content-type': ';;' }
  const answer = await app.inject({ method: 'POST', url: '/logout', headers: nonsense, payload: 'x' })
  assertProblem(t, answer, 'unsupported_media_type')
  t.notMatch(log.text(), headers.authorization.slice('Bearer '.length))
})

t.test('refuses HEAD, which must change nothing', async (t) => {
  const app = await createApp(t)
  const headers = bearer(await createToken(app))

  const answer = await app.inject({ method: 'HEAD', url: '/logout', headers })

  t.equal(answer.statusCode, 405)
  t.strictSame(`${answer.headers['allow']}`.split(', ').toSorted(), ['GET', 'POST'])
  t.equal((await app.inject({ url: '/getUser', headers })).statusCode, 200, 'the session is still valid')
})
