import { createHmac, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { FASTAPI_ALGORITHM, fastapiUserId } from '../../plugins/signing-keys/fastapi.ts'
import { createSealer } from '../../plugins/signing-keys/sealing.ts'
import { createEvent, createSigningKey, createUser } from '../drizzle/rows.ts'
import { FASTAPI_SECRET, fastapiToken, inAnHour } from '../fastapi.ts'
import { claimsOf, encode } from '../forge.ts'
import { ada, assertProblem, bearer, createApp, createToken, credentials, post } from '../helper.ts'
import { openShared, sharedSettings } from '../shared-database.ts'

const EMAIL = 'Grace@Example.com'

/** A new app, and a database into which an import has put a user and the key of their tokens. */
async function setScene(t: Test, more: Record<string, string> = {}) {
  const settings = { ...(await sharedSettings(t)), ...more }
  const app = await createApp(t, settings)
  const database = await openShared(t, settings)
  const id = fastapiUserId(FASTAPI_SECRET, 'sub', EMAIL)
  await database.users.insert(createUser({ id, email: EMAIL.toLowerCase(), name: 'Grace' }), createEvent())
  const kid = `fastapi-${randomUUID()}`
  const key = createSigningKey({
    kid,
    algorithm: FASTAPI_ALGORITHM,
    predecessor: 'fastapi',
    publicKey: null,
    sealedPrivateKey: createSealer(settings.SECRET_KEY).seal(FASTAPI_SECRET, {
      kid,
      algorithm: FASTAPI_ALGORITHM,
      publicKey: null,
    }),
    createdAt: new Date(),
    activatesAt: new Date(),
    retiresAt: new Date(Date.now() + 3_600_000),
  })
  const get = async (token: string, url = '/getUser') => await app.inject({ url, headers: bearer(token) })
  return { app, database, key, id, kid, get }
}

t.test('accepts tokens as Python’s libraries create them, as soon as their key is stored', async (t) => {
  const { database, key, id, get } = await setScene(t)
  const exp = inAnHour()
  const tokens = [
    fastapiToken({ sub: EMAIL, exp }),
    fastapiToken({ sub: EMAIL, exp }, { typ: 'JWT', alg: 'HS256' }),
    fastapiToken({
      sub: EMAIL,
      exp: exp + 0.5,
      iat: exp - 7200.25,
      nbf: exp - 7200,
      jti: 'x',
      role: 'admin',
    }),
    fastapiToken({ sub: EMAIL, id: 7, exp, type: 'access', token_type: 'bearer' }),
  ]
  for (const token of tokens) assertProblem(t, await get(token), 'invalid_token')

  await database.signingKeys.insert(key, createEvent())

  for (const token of tokens) {
    const answer = await get(token)
    t.match([answer.statusCode, answer.json()], [200, { id, email: EMAIL.toLowerCase(), name: 'Grace' }])
    t.match((await get(token, '/verify')).headers, { 'remote-user': id, 'remote-email': EMAIL.toLowerCase() })
  }
})

t.test('accepts no other tokens of that key', async (t) => {
  const { database, key, kid, id, get } = await setScene(t)
  await database.signingKeys.insert(key, createEvent())
  const exp = inAnHour()
  const good = fastapiToken({ sub: EMAIL, exp })
  t.equal((await get(good)).statusCode, 200)
  const [header = '', payload = '', signature = ''] = good.split('.')
  const hs512 = `${encode({ alg: 'HS512', typ: 'JWT' })}.${payload}`

  const forged: Record<string, string> = {
    'another secret': fastapiToken({ sub: EMAIL, exp }, undefined, `${FASTAPI_SECRET}.`),
    'no signature': `${header}.${payload}.`,
    'no algorithm': `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`,
    'another algorithm': `${hs512}.${createHmac('sha512', FASTAPI_SECRET).update(hs512).digest('base64url')}`,
    'another header': fastapiToken({ sub: EMAIL, exp }, '{"alg": "HS256", "typ": "JWT"}'),
    'the key’s kid': fastapiToken({ sub: EMAIL, exp }, { alg: 'HS256', typ: 'JWT', kid }),
    'our own type': fastapiToken({ sub: EMAIL, exp }, { alg: 'HS256', typ: 'at+jwt', kid }),
    'a fourth part': `${good}.${signature}`,
    'no expiry': fastapiToken({ sub: EMAIL }),
    'an expiry that is not a number': fastapiToken({ sub: EMAIL, exp: String(exp) }),
    'an expiry in the past': fastapiToken({ sub: EMAIL, exp: exp - 7200 }),
    'an expiry that no database can store': fastapiToken({ sub: EMAIL, exp: 1e15 }),
    'a start in the future': fastapiToken({ sub: EMAIL, exp, nbf: exp }),
    'no subject': fastapiToken({ exp }),
    'a subject that is not a string': fastapiToken({ sub: { email: EMAIL }, exp }),
    'another spelling of the subject': fastapiToken({ sub: EMAIL.toLowerCase(), exp }),
    'another claim instead of the subject': fastapiToken({ email: EMAIL, exp }),
    'our own id as the subject': fastapiToken({ sub: id, exp }),
    'a scope': fastapiToken({ sub: EMAIL, exp, scope: 'reset' }),
    scopes: fastapiToken({ sub: EMAIL, exp, scopes: [] }),
    'a refresh token': fastapiToken({ sub: EMAIL, exp, type: 'refresh' }),
    'an audience': fastapiToken({ sub: EMAIL, exp, aud: 'fastapi-users:auth' }),
  }
  for (const [about, token] of Object.entries(forged))
    assertProblem(t, await get(token), 'invalid_token', about)
})

t.test('accepts no token for a user that the import has not created', async (t) => {
  const { app, database, key, get } = await setScene(t)
  await database.signingKeys.insert(key, createEvent())
  const own = await createToken(app)
  const exp = inAnHour()

  for (const sub of [ada.email, String(claimsOf(own)['sub'])]) {
    assertProblem(t, await get(fastapiToken({ sub, exp })), 'invalid_token', sub)
  }
  t.equal((await get(own)).statusCode, 200, 'with a token of their own')
})

t.test('refuses them on the next request after each change that refuses a token', async (t) => {
  const { app, database, key, id, kid, get } = await setScene(t)
  await database.signingKeys.insert(key, createEvent())
  const exp = inAnHour()
  const [one, other] = [fastapiToken({ sub: EMAIL, exp }), fastapiToken({ sub: EMAIL, exp: exp + 1 })]
  t.same([(await get(one)).statusCode, (await get(other)).statusCode], [200, 200])

  const loggedOut = await app.inject({ method: 'POST', url: '/logout', headers: bearer(one) })
  t.equal(loggedOut.statusCode, 200)
  assertProblem(t, await get(one), 'invalid_token', 'logged out')
  const last = one.slice(-1)
  for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.replace(
    last,
    '',
  )) {
    t.equal((await get(one.slice(0, -1) + character)).statusCode, 401, 'in any spelling of its signature')
  }
  t.equal((await get(other)).statusCode, 200, 'another token of the same user')

  for (const [about, change] of [
    ['logged out everywhere', () => app.postern.logOutEverywhere(id)],
    ['disabled', () => app.postern.disableUser(id)],
    ['enabled again', () => app.postern.enableUser(id)],
    ['another password', () => app.postern.setPassword(id, ada.password)],
    ['deleted', () => app.postern.deleteUser(id)],
  ] as const) {
    await change()
    assertProblem(t, await get(other), 'invalid_token', about)
  }
  await post(app, '/register', { ...ada, email: EMAIL })
  assertProblem(t, await get(other), 'invalid_token', 'another user with the same e-mail')

  await database.users.insert(createUser({ id, email: 'again@example.com' }), createEvent())
  t.equal((await get(other)).statusCode, 200)
  await database.signingKeys.retire(kid, createEvent())
  assertProblem(t, await get(other), 'invalid_token', 'the key is retired')
})

t.test('never signs with that key, even if ALGORITHM is HS256', async (t) => {
  const settings = await sharedSettings(t)
  const { app, database, key, kid } = await setScene(t, { ...settings, ALGORITHM: 'HS256' })
  await database.signingKeys.insert(key, createEvent())
  await post(app, '/register', ada)
  const another = await createApp(t, { ...settings, ALGORITHM: 'HS256' })

  for (const each of [app, another]) {
    const { access_token: token } = (await post(each, '/login', credentials)).json()
    const { kid: used, typ } = JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString())
    t.not(used, kid)
    t.equal(typ, 'at+jwt')
  }
  t.same((await app.inject('/.well-known/jwks.json')).json(), { keys: [] })
})

t.test('tells a host app the user of the token', async (t) => {
  const { app, database, key } = await setScene(t)
  await database.signingKeys.insert(key, createEvent())
  const id = fastapiUserId(FASTAPI_SECRET, 'sub', '7')
  await database.users.insert(createUser({ id, email: 'seven@example.com' }), createEvent())

  const auth = await app.postern.verifyToken(fastapiToken({ sub: 7, exp: inAnHour() }))

  t.match(auth, { userId: id, email: 'seven@example.com', tokenId: /^fastapi\.[\w-]{43}$/ })
})
