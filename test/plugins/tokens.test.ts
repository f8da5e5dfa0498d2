import t from 'tap'
import { assertAccepted, assertRefused, createForger, forge } from '../forge.ts'
import { ada, assertProblem, bearer, createApp, createToken, post } from '../helper.ts'

t.test('a correctly forged token is accepted, so each refusal below has its own reason', async (t) => {
  for (const algorithm of ['ES256', 'EdDSA', 'RS256', 'HS256']) {
    const forger = await createForger(t, algorithm)
    const { key, claims } = forger
    await assertAccepted(t, forger, forge(key, claims), algorithm)
    await assertAccepted(t, forger, forge(key, { ...claims, extra: ['x'] }), `${algorithm}with another claim`)
  }
})

t.test('refuses a token with a missing claim or a claim of the wrong type', async (t) => {
  const forger = await createForger(t)
  const { key, claims } = forger
  const names = ['iss', 'aud', 'client_id', 'sub', 'jti', 'iat', 'exp', 'ver', 'email']
  t.strictSame(Object.keys(claims).toSorted(), names.toSorted())

  for (const name of names) {
    const { [name]: claim, ...others } = claims
    await assertRefused(t, forger, forge(key, others), `no ${name}`)
    for (const wrong of [null, true, {}, [claim], typeof claim === 'number' ? `${claim}` : 7]) {
      const token = forge(key, { ...claims, [name]: wrong })
      await assertRefused(t, forger, token, `${name} is ${JSON.stringify(wrong)}`)
    }
  }
  for (const payload of ['null', '[]', '""', '7', '{', '', '{}']) {
    await assertRefused(t, forger, forge(key, payload), `the claims are ${payload}`)
  }
})

t.test('refuses a token with a wrong claim', async (t) => {
  const forger = await createForger(t)
  const { key, claims } = forger
  const wrong = {
    iss: ['', 'Postern', 'postern ', 'https://postern', 'evil'],
    aud: ['', 'Postern', 'postern,other', ['postern'], ['postern', 'other']],
    sub: ['', 'unknown', '%', `${claims['sub']} `, `${claims['sub']}`.toUpperCase(), '\u0000'],
    jti: ['\u0000', `${claims['jti']}\u0000`, 'x'.repeat(256)],
    ver: [1, -1, 0.5],
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) {
      const token = forge(key, { ...claims, [name]: value })
      const answer = await forger.app.inject({ url: '/getUser', headers: bearer(token) })
      assertProblem(t, answer, 'invalid_token', `${name} is ${JSON.stringify(value)}`)
    }
  }
})

t.test('a token is valid from its time of issue until its expiry', async (t) => {
  const forger = await createForger(t)
  const { key, claims } = forger
  const now = Math.floor(Date.now() / 1000)
  const withExp = (exp: string) => JSON.stringify({ ...claims, exp: 0 }).replace('"exp":0', `"exp":${exp}`)

  await assertAccepted(t, forger, forge(key, { ...claims, exp: now + 60 }), 'a minute before its expiry')
  for (const exp of [now, now - 1, now - 86_400, 0, -1, 1]) {
    const token = forge(key, { ...claims, exp })
    await assertRefused(t, forger, token, `exp ${exp}`)
  }
  const expired = await forger.app.inject({
    url: '/getUser',
    headers: bearer(forge(key, { ...claims, exp: now - 1 })),
  })
  t.equal(expired.json().detail, 'The access token has expired')
  for (const exp of [
    '1e400',
    '-1e400',
    '1e17',
    '253402300800',
    `${now + 60}.5`,
    `"${now + 60}"`,
    `[${now + 60}]`,
  ]) {
    await assertRefused(t, forger, forge(key, withExp(exp)), `exp ${exp}`)
  }
  await assertRefused(t, forger, forge(key, { ...claims, nbf: now + 3600 }), 'valid in an hour')
  await assertAccepted(t, forger, forge(key, { ...claims, nbf: now - 60 }), 'valid since a minute ago')
  const last = forge(key, { ...claims, exp: 253_402_300_799 })
  await assertAccepted(t, forger, last, 'valid until the end of 9999')
  await forger.app.inject({ method: 'POST', url: '/logout', headers: bearer(last) })
  const loggedOut = await forger.app.inject({ url: '/getUser', headers: bearer(last) })
  assertProblem(t, loggedOut, 'invalid_token', 'after its logout')
})

t.test('a token that was accepted before is refused from its expiry on, everywhere', async (t) => {
  const forger = await createForger(t)
  const { app, key, claims } = forger
  const exp = Math.floor(Date.now() / 1000) + 60
  const token = forge(key, { ...claims, exp })
  await assertAccepted(t, forger, token, 'before its expiry')
  await assertAccepted(t, forger, token, 'again, now that it is remembered')

  const { now } = Date
  const shift = exp * 1000 - now()
  t.intercept(Date, 'now', { value: () => now() + shift })

  await assertRefused(t, forger, token, 'at its expiry')
  const headers = bearer(token)
  for (const [method, url] of [
    ['GET', '/getUser'],
    ['GET', '/verify'],
    ['POST', '/logout'],
  ] as const) {
    const answer = await app.inject({ method, url, headers })
    t.equal(answer.statusCode, 401, `${method} ${url}`)
    t.match(answer.headers['www-authenticate'], 'The access token has expired')
  }
  await t.rejects(app.postern.verifyToken(token), { code: 'invalid_token' })
})

t.test('refuses a token of another deployment', async (t) => {
  const forger = await createForger(t)
  const elsewhere = await createApp(t)

  await assertRefused(t, forger, await createToken(elsewhere), 'another database')
})

t.test('finds the user by the subject, not by the e-mail in the token', async (t) => {
  const { app, key, claims } = await createForger(t)
  const eve = { email: 'eve@example.com', password: 'another long password', name: 'Eve' }
  await post(app, '/register', eve)

  const answer = await app.inject({
    url: '/getUser',
    headers: bearer(forge(key, { ...claims, email: eve.email })),
  })

  t.equal(answer.json().email, ada.email, 'the user of sub')
})
