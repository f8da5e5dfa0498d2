import t from 'tap'
import { claimsOf, encode, forge, stealKeys } from '../forge.ts'
import { ada, assertProblem, bearer, createApp, createToken, logIn, post } from '../helper.ts'
import { addClient, assertOAuthError, basic, postForm } from '../oauth.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'
import { withoutDatabase, withoutTable } from '../trouble.ts'

t.test('returns the claims of a valid token and its user', async (t) => {
  const settings = {
    ...(await sharedSettings(t)),
    ISSUER: 'https://auth.example.com',
    AUDIENCE: 'https://api.example.com',
  }
  const app = await createApp(t, settings)
  const client = await addClient(openBeside(t, settings))
  const token = await createToken(app)
  const { sub, jti, iat, exp } = claimsOf(token)

  const answer = await postForm(app, '/introspect', { token }, client.header)

  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.strictSame(answer.json(), {
    active: true,
    client_id: 'postern',
    username: ada.email,
    token_type: 'Bearer',
    exp,
    iat,
    sub,
    aud: 'https://api.example.com',
    iss: 'https://auth.example.com',
    jti,
  })
})

t.test('accepts a token type hint and unknown parameters', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const client = await addClient(openBeside(t, settings))
  const token = await createToken(app)

  for (const token_type_hint of ['access_token', 'refresh_token', 'unheard-of']) {
    const answer = await postForm(
      app,
      '/introspect',
      { token, token_type_hint, resource: 'x' },
      client.header,
    )
    t.equal(answer.json().active, true, token_type_hint)
  }
})

t.test('says only that an invalid token is not active', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const db = openBeside(t, settings)
  const client = await addClient(db)
  const token = await createToken(app)
  const [key] = await stealKeys(db, settings.SECRET_KEY)
  if (!key) throw new Error('There is no key')
  const now = Math.floor(Date.now() / 1000)
  const claims = claimsOf(token)
  const [header = '', payload = '', signature = ''] = token.split('.')

  const loggedOut = await logIn(app)
  await app.inject({ method: 'POST', url: '/logout', headers: bearer(loggedOut) })
  const revoked = await logIn(app)
  await postForm(app, '/revoke', { token: revoked }, client.header)
  const deleted = await createToken(app, { ...ada, email: 'deleted@example.com' })
  await db.run("delete from users where email = 'deleted@example.com'")
  const disabled = await createToken(app, { ...ada, email: 'disabled@example.com' })
  await db.run("update users set disabled_at = created_at where email = 'disabled@example.com'")
  const outdated = await createToken(app, { ...ada, email: 'outdated@example.com' })
  await db.run("update users set token_version = 1 where email = 'outdated@example.com'")

  const invalid = {
    garbage: 'garbage',
    'control characters and emoji': '\u0000👻.\n.💀',
    'long garbage': 'x'.repeat(12_000),
    'logged out': loggedOut,
    revoked,
    'of a deleted user': deleted,
    'of a disabled user': disabled,
    'from before a new password': outdated,
    'of another deployment': await createToken(await createApp(t)),
    expired: forge(key, { ...claims, exp: now - 1 }),
    'of another issuer': forge(key, { ...claims, iss: 'https://evil.example.com' }),
    'for another audience': forge(key, { ...claims, aud: 'another' }),
    'of another type': forge(key, claims, { alg: key.algorithm, typ: 'JWT', kid: key.kid }),
    'without signature': `${header}.${payload}.`,
    'of alg none': `${encode({ alg: 'none', typ: 'at+jwt', kid: key.kid })}.${payload}.`,
    'with other claims': `${header}.${encode({ ...claims, sub: 'x' })}.${signature}`,
    'with an unknown kid': forge(key, claims, { alg: key.algorithm, typ: 'at+jwt', kid: 'unknown' }),
  }
  for (const [what, bad] of Object.entries(invalid)) {
    const answer = await postForm(app, '/introspect', { token: bad }, client.header)
    t.equal(answer.statusCode, 200, what)
    t.equal(answer.headers['cache-control'], 'no-store', what)
    t.equal(answer.body, '{"active":false}', what)
  }

  t.equal((await postForm(app, '/introspect', { token }, client.header)).json().active, true)
  await db.run('update signing_keys set retires_at = created_at')
  const answer = await postForm(app, '/introspect', { token }, client.header)
  t.equal(answer.body, '{"active":false}', 'of a retired key')
})

t.test('refuses a request without exactly one token', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const { header } = await addClient(openBeside(t, settings))
  const token = await createToken(app)

  for (const form of [
    '',
    'token=',
    'toke=x',
    `token=${token}&token=${token}`,
    'token=%zz',
    'token=%ff',
    'token=x&token_type_hint=a&token_type_hint=b',
  ]) {
    assertOAuthError(
      t,
      await postForm(app, '/introspect', form, header),
      'invalid_request',
      'invalid_request',
      form,
    )
  }
  const empty = await app.inject({ method: 'POST', url: '/introspect', headers: header })
  assertOAuthError(t, empty, 'invalid_request', 'invalid_request', 'no body')
  const inQuery = await app.inject({ method: 'POST', url: `/introspect?token=${token}`, headers: header })
  assertOAuthError(t, inQuery, 'invalid_request', 'invalid_request', 'a token in the URL')
})

t.test('refuses another method, another media type and a body that is too large', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const { header } = await addClient(openBeside(t, settings))

  for (const method of ['GET', 'PUT', 'DELETE', 'HEAD'] as const) {
    const answer = await app.inject({ method, url: '/introspect?token=x', headers: header })
    t.equal(answer.statusCode, 405, method)
    t.equal(answer.headers['allow'], 'POST', method)
  }
  assertProblem(t, await app.inject({ url: '/introspect', headers: header }), 'method_not_allowed')
  assertProblem(t, await post(app, '/introspect', { token: 'x' }, header), 'unsupported_media_type')
  const long = await postForm(app, '/introspect', { token: 'x'.repeat(17_000) }, header)
  assertProblem(t, long, 'content_too_large')
})

t.test('answers 503, not that a token is inactive, while the database cannot answer', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const db = openBeside(t, settings)
  const { header } = await addClient(db)
  const token = await createToken(app)

  await withoutDatabase(db, async () => {
    const answer = await postForm(app, '/introspect', { token }, header)
    assertProblem(t, answer, 'database_unavailable')
    t.match(answer.headers['retry-after'], /^\d+$/)
    const anonymous = await postForm(app, '/introspect', { token }, basic('no credentials at all'))
    assertOAuthError(t, anonymous, 'invalid_client', 'invalid_client')
  })

  const fault = await withoutTable(db, 'users', () => postForm(app, '/introspect', { token }, header))
  assertProblem(t, fault, 'internal_error')
  t.equal((await postForm(app, '/introspect', { token }, header)).json().active, true)
})
