import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { ada, bearer, credentials, post } from '../helper.ts'
import { createHostWithPostern } from './host.ts'

/** Of an id that nobody has. */
const NOBODY = '019a0b5e-4c1f-7c3a-9d2e-5b8f6a7c1d20'

async function logInByCode(host: FastifyInstance): Promise<{ id: string; token: string }> {
  const { id } = await host.postern.register(ada)
  const { accessToken } = await host.postern.login(credentials)
  return { id, token: accessToken }
}

/** Whether a token is valid: at the host app's route, at Postern's, for a gateway and for code, which must agree. */
async function counts(host: FastifyInstance, token: string): Promise<boolean> {
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
  t.ok(await counts(host, login.accessToken))
  t.equal((await host.postern.register({ email: 'b@example.com', password: ada.password })).name, null)
})

t.test('throws what the endpoints would answer', async (t) => {
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

t.test('says whose a token is', async (t) => {
  const host = await createHostWithPostern(t)
  const { id, token } = await logInByCode(host)

  const auth = await host.postern.verifyToken(token)

  t.match(auth, { userId: id, email: ada.email, tokenId: /^[\da-f-]{36}$/, issuedAt: Date, expiresAt: Date })
  t.equal(auth.expiresAt.getTime() - auth.issuedAt.getTime(), 900_000)
})

t.test('revokes a token, by its text or by what is known of it, for the next request', async (t) => {
  const host = await createHostWithPostern(t)
  const { token } = await logInByCode(host)
  const { accessToken: other } = await host.postern.login(credentials)

  t.ok(await counts(host, token))
  await host.postern.revokeToken(token)
  t.notOk(await counts(host, token))
  await host.postern.revokeToken(token)

  t.ok(await counts(host, other))
  await host.postern.revokeToken(await host.postern.verifyToken(other))
  t.notOk(await counts(host, other))
})

t.test('finds a user by its id or by its e-mail', async (t) => {
  const host = await createHostWithPostern(t)
  const user = await host.postern.register(ada)

  t.strictSame(await host.postern.findUser({ id: user.id }), user)
  t.strictSame(await host.postern.findUser({ email: ' ADA@example.com' }), user)
  t.equal(await host.postern.findUser({ id: NOBODY }), undefined)
  t.equal(await host.postern.findUser({ email: 'eve@example.com' }), undefined)
})

t.test('disables a user for the next request, and enables it for new tokens only', async (t) => {
  const host = await createHostWithPostern(t)
  const { id, token } = await logInByCode(host)
  t.ok(await counts(host, token))

  t.match(await host.postern.disableUser(id), { id, disabledAt: Date })
  t.notOk(await counts(host, token))
  t.equal((await post(host, '/login', credentials)).statusCode, 403)

  t.match(await host.postern.enableUser(id), { id, disabledAt: null })
  t.notOk(await counts(host, token), 'what was refused stays refused')
  t.ok(await counts(host, (await host.postern.login(credentials)).accessToken))
})

t.test('sets a password, and ends the sessions of the old one', async (t) => {
  const host = await createHostWithPostern(t)
  const { id, token } = await logInByCode(host)
  t.ok(await counts(host, token))

  t.match(await host.postern.setPassword(id, 'another good passphrase'), { id })

  t.notOk(await counts(host, token))
  t.equal((await post(host, '/login', credentials)).statusCode, 401)
  const { accessToken } = await host.postern.login({ ...credentials, password: 'another good passphrase' })
  t.ok(await counts(host, accessToken))
})

t.test('logs out everywhere', async (t) => {
  const host = await createHostWithPostern(t)
  const { id, token } = await logInByCode(host)
  const { accessToken: other } = await host.postern.login(credentials)
  t.ok((await counts(host, token)) && (await counts(host, other)))

  t.match(await host.postern.logOutEverywhere(id), { id })

  t.notOk((await counts(host, token)) || (await counts(host, other)))
  t.ok(await counts(host, (await host.postern.login(credentials)).accessToken), 'and in again at once')
})

t.test('deletes an account, whose e-mail is free again and whose tokens are nobody’s', async (t) => {
  const host = await createHostWithPostern(t)
  const { id, token } = await logInByCode(host)
  t.ok(await counts(host, token))

  t.match(await host.postern.deleteUser(id), { id, email: ada.email })

  t.notOk(await counts(host, token))
  const again = await host.postern.register(ada)
  t.not(again.id, id)
  t.notOk(await counts(host, token))
})

t.test('returns undefined for a user who does not exist', async (t) => {
  const { postern } = await createHostWithPostern(t)
  t.equal(await postern.disableUser(NOBODY), undefined)
  t.equal(await postern.enableUser(NOBODY), undefined)
  t.equal(await postern.setPassword(NOBODY, 'a password for nobody'), undefined)
  t.equal(await postern.logOutEverywhere(NOBODY), undefined)
  t.equal(await postern.deleteUser(NOBODY), undefined)
})

t.test('answers as long as the database does', async (t) => {
  const host = await createHostWithPostern(t)
  await host.postern.ping()
  await host.close()
  await t.rejects(host.postern.ping(), { statusCode: 503, code: 'database_unavailable' })
})
