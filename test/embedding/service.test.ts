import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { ada, bearer, credentials, post } from '../helper.ts'
import { createHostWithPostern } from './host.ts'

/** An id that no user has. */
const UNKNOWN_ID = '019a0b5e-4c1f-7c3a-9d2e-5b8f6a7c1d20'

async function logInByCode(host: FastifyInstance): Promise<{ id: string; token: string }> {
  const { id } = await host.postern.register(ada)
  const { accessToken } = await host.postern.login(credentials)
  return { id, token: accessToken }
}

/** Whether a token is valid: at the host app's route, at Postern's, for a gateway and for code, which must agree. */
async function isValid(host: FastifyInstance, token: string): Promise<boolean> {
  const headers = bearer(token)
  const answers = await Promise.all(
    ['/notes', '/getUser', '/verify'].map(
      async (url) => (await host.inject({ url, headers })).statusCode === 200,
    ),
  )
  const forCode = await host.postern.verifyToken(token).then(
    () => true,
    () => false,
  )
  const [first = false, ...others] = [...answers, forCode]
  if (others.some((answer) => answer !== first)) throw new Error(`They disagree: ${[first, ...others]}`)
  return first
}

t.test('registers and logs in as the endpoints do', async (t) => {
  const host = await createHostWithPostern(t)

  const user = await host.postern.register({ ...ada, email: ' Ada@Example.COM ' })
  const login = await host.postern.login(credentials)

  t.match(user, { id: /^[\da-f-]{36}$/, email: ada.email, name: ada.name, createdAt: Date, disabledAt: null })
  t.same(Object.keys(user).sort(), ['createdAt', 'disabledAt', 'email', 'id', 'name'], 'no hash')
  t.strictSame(login.user, user)
  t.equal(login.expiresIn, 900)
  t.ok(await isValid(host, login.accessToken))
  t.equal((await host.postern.register({ email: 'b@example.com', password: ada.password })).name, null)
})

t.test('throws the errors that the endpoints send', async (t) => {
  const host = await createHostWithPostern(t)
  const { id } = await host.postern.register(ada)
  const { register, login, setPassword, verifyToken, revokeToken } = host.postern

  await t.rejects(register(ada), { statusCode: 409, code: 'email_taken' })
  await t.rejects(register({ email: 'b@example.com', password: 'short' }), {
    statusCode: 400,
    code: 'invalid_request',
    errors: [{ path: '/password' }],
  })
  await t.rejects(register({ email: 'no address', password: ada.password }), {
    statusCode: 400,
    code: 'invalid_request',
    errors: [{ path: '/email' }],
  })
  await t.rejects(register({ email: 'b@example.com', password: ada.password, name: 'x'.repeat(226) }), {
    statusCode: 400,
    errors: [{ path: '/name' }],
  })
  await t.rejects(register({ email: 'b@example.com', password: ada.password, name: 'a\0b' }), {
    errors: [{ path: '/name' }],
  })
  const wrong = { email: ada.email, password: 'not the right one' }
  await t.rejects(login(wrong), { statusCode: 401, code: 'invalid_credentials' })
  await t.rejects(setPassword(id, 'password'), { statusCode: 400, code: 'invalid_request' })
  await t.rejects(verifyToken('a.b.c'), { statusCode: 401, code: 'invalid_token' })
  await t.rejects(revokeToken('a.b.c'), { statusCode: 401, code: 'invalid_token' })
  await host.postern.disableUser(id)
  await t.rejects(login(credentials), { statusCode: 403, code: 'account_disabled' })
})

t.test('returns the user of a token', async (t) => {
  const host = await createHostWithPostern(t)
  const { id, token } = await logInByCode(host)

  const auth = await host.postern.verifyToken(token)

  t.match(auth, { userId: id, email: ada.email, tokenId: /^[\da-f-]{36}$/, issuedAt: Date, expiresAt: Date })
  t.equal(auth.expiresAt.getTime() - auth.issuedAt.getTime(), 900_000)
})

t.test('revokes a token by its text or by its claims, from the next request on', async (t) => {
  const host = await createHostWithPostern(t)
  const { token } = await logInByCode(host)
  const { accessToken: other } = await host.postern.login(credentials)

  t.ok(await isValid(host, token))
  await host.postern.revokeToken(token)
  t.notOk(await isValid(host, token))
  await host.postern.revokeToken(token)

  t.ok(await isValid(host, other))
  await host.postern.revokeToken(await host.postern.verifyToken(other))
  t.notOk(await isValid(host, other))
})

t.test('finds a user by id or by e-mail', async (t) => {
  const host = await createHostWithPostern(t)
  const user = await host.postern.register(ada)

  t.strictSame(await host.postern.findUser({ id: user.id }), user)
  t.strictSame(await host.postern.findUser({ email: ' ADA@example.com' }), user)
  t.equal(await host.postern.findUser({ id: UNKNOWN_ID }), undefined)
  t.equal(await host.postern.findUser({ email: 'eve@example.com' }), undefined)
})

t.test('disables a user from the next request on, and enables them only for new tokens', async (t) => {
  const host = await createHostWithPostern(t)
  const { id, token } = await logInByCode(host)
  t.ok(await isValid(host, token))

  t.match(await host.postern.disableUser(id), { id, disabledAt: Date })
  t.notOk(await isValid(host, token))
  t.equal((await post(host, '/login', credentials)).statusCode, 403)

  t.match(await host.postern.enableUser(id), { id, disabledAt: null })
  t.notOk(await isValid(host, token), 'refused tokens stay refused')
  t.ok(await isValid(host, (await host.postern.login(credentials)).accessToken))
})

t.test('sets a password, and ends the sessions of the old one', async (t) => {
  const host = await createHostWithPostern(t)
  const { id, token } = await logInByCode(host)
  t.ok(await isValid(host, token))

  t.match(await host.postern.setPassword(id, 'another good passphrase'), { id })

  t.notOk(await isValid(host, token))
  t.equal((await post(host, '/login', credentials)).statusCode, 401)
  const { accessToken } = await host.postern.login({ ...credentials, password: 'another good passphrase' })
  t.ok(await isValid(host, accessToken))
})

t.test('logs out everywhere', async (t) => {
  const host = await createHostWithPostern(t)
  const { id, token } = await logInByCode(host)
  const { accessToken: other } = await host.postern.login(credentials)
  t.ok((await isValid(host, token)) && (await isValid(host, other)))

  t.match(await host.postern.logOutEverywhere(id), { id })

  t.notOk((await isValid(host, token)) || (await isValid(host, other)))
  t.ok(await isValid(host, (await host.postern.login(credentials)).accessToken), 'a new login works at once')
})

t.test('deletes a user, frees their e-mail and refuses their tokens', async (t) => {
  const host = await createHostWithPostern(t)
  const { id, token } = await logInByCode(host)
  t.ok(await isValid(host, token))

  t.match(await host.postern.deleteUser(id), { id, email: ada.email })

  t.notOk(await isValid(host, token))
  const again = await host.postern.register(ada)
  t.not(again.id, id)
  t.notOk(await isValid(host, token))
})

t.test('returns undefined for an unknown user', async (t) => {
  const { postern } = await createHostWithPostern(t)
  t.equal(await postern.disableUser(UNKNOWN_ID), undefined)
  t.equal(await postern.enableUser(UNKNOWN_ID), undefined)
  t.equal(await postern.setPassword(UNKNOWN_ID, 'a password for nobody'), undefined)
  t.equal(await postern.logOutEverywhere(UNKNOWN_ID), undefined)
  t.equal(await postern.deleteUser(UNKNOWN_ID), undefined)
})

t.test('ping throws once the database is closed', async (t) => {
  const host = await createHostWithPostern(t)
  await host.postern.ping()
  await host.close()
  await t.rejects(host.postern.ping(), { statusCode: 503, code: 'database_unavailable' })
})
