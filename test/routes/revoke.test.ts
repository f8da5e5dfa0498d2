import t from 'tap'
import { claimsOf, forge, stealKeys } from '../forge.ts'
import { ada, assertProblem, bearer, createApp, createToken, logIn, post } from '../helper.ts'
import { addClient, assertOAuthError, postForm } from '../oauth.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'
import { withoutDatabase, withoutTable } from '../trouble.ts'

t.test('revokes a token at once, at every endpoint, and no other token', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const beside = await createApp(t, settings)
  const { header } = await addClient(openBeside(t, settings))
  const token = await createToken(app)
  const other = await logIn(app)

  const answer = await postForm(app, '/revoke', { token }, header)

  t.equal(answer.statusCode, 200)
  t.equal(answer.body, '')
  t.equal(answer.headers['cache-control'], 'no-store')
  for (const instance of [app, beside]) {
    for (const url of ['/getUser', '/verify']) {
      t.equal((await instance.inject({ url, headers: bearer(token) })).statusCode, 401, url)
      t.equal((await instance.inject({ url, headers: bearer(other) })).statusCode, 200, url)
    }
  }
})

t.test('a revocation outlives a restart', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const { header } = await addClient(openBeside(t, settings))
  const token = await createToken(app)
  await postForm(app, '/revoke', { token }, header)
  await app.close()

  const again = await createApp(t, settings)

  t.equal((await again.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 401)
})

t.test('answers 200 whatever the token is, as RFC 7009 has it', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const db = openBeside(t, settings)
  const { header } = await addClient(db)
  const token = await createToken(app)
  const [key] = await stealKeys(db, settings.SECRET_KEY)
  if (!key) throw new Error('There is no key')
  const disabled = await createToken(app, { ...ada, email: 'disabled@example.com' })
  await db.run("update users set disabled_at = created_at where email = 'disabled@example.com'")

  const tokens = {
    good: token,
    'already revoked': token,
    garbage: 'garbage',
    expired: forge(key, { ...claimsOf(token), exp: 1 }),
    'of another deployment': await createToken(await createApp(t)),
    'of a disabled user': disabled,
  }
  for (const [what, each] of Object.entries(tokens)) {
    for (const hint of [{}, { token_type_hint: 'refresh_token' }, { token_type_hint: 'unheard-of' }]) {
      const answer = await postForm(app, '/revoke', { token: each, ...hint }, header)
      t.same([answer.statusCode, answer.body], [200, ''], `${what} ${JSON.stringify(hint)}`)
    }
  }
  t.equal(
    await db.value('select count(*) from blacklisted_tokens'),
    2,
    'only revocations of unexpired tokens are stored',
  )

  await db.run('update users set disabled_at = null')
  const answer = await app.inject({ url: '/verify', headers: bearer(disabled) })
  t.equal(answer.statusCode, 401, 'enabling the user does not make their token valid again')
})

t.test('refuses a request without exactly one token, and revokes nothing', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const { header } = await addClient(openBeside(t, settings))
  const token = await createToken(app)

  for (const form of ['', 'token=', `toke=${token}`, `token=${token}&token=${token}`, 'token=%zz']) {
    assertOAuthError(
      t,
      await postForm(app, '/revoke', form, header),
      'invalid_request',
      'invalid_request',
      form,
    )
  }
  const empty = await app.inject({ method: 'POST', url: '/revoke', headers: header })
  assertOAuthError(t, empty, 'invalid_request', 'invalid_request', 'no body')
  t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 200)
})

t.test('refuses another method, another media type and a body that is too large', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const { header } = await addClient(openBeside(t, settings))
  const token = await createToken(app)

  for (const method of ['GET', 'PUT', 'DELETE', 'HEAD'] as const) {
    const answer = await app.inject({ method, url: `/revoke?token=${token}`, headers: header })
    t.equal(answer.statusCode, 405, method)
    t.equal(answer.headers['allow'], 'POST', method)
  }
  assertProblem(t, await app.inject({ url: '/revoke', headers: header }), 'method_not_allowed')
  assertProblem(t, await post(app, '/revoke', { token }, header), 'unsupported_media_type')
  assertProblem(t, await postForm(app, '/revoke', { token: 'x'.repeat(17_000) }, header), 'content_too_large')
  t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 200)
})

t.test('answers 503 while the database cannot answer', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const db = openBeside(t, settings)
  const { header } = await addClient(db)
  const token = await createToken(app)

  const answer = await withoutDatabase(db, () => postForm(app, '/revoke', { token }, header))

  assertProblem(t, answer, 'database_unavailable')
  t.match(answer.headers['retry-after'], /^\d+$/)
  const fault = await withoutTable(db, 'blacklisted_tokens', () =>
    postForm(app, '/revoke', { token }, header),
  )
  assertProblem(t, fault, 'internal_error')
  t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 200)
})
