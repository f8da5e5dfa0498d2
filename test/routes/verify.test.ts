import t, { type Test } from 'tap'
import { encodeField } from '../../routes/identity.ts'
import { claimsOf, forge, stealKeys } from '../forge.ts'
import { type Answer, ada, bearer, createApp, createToken, logIn } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'
import { withoutDatabase } from '../trouble.ts'

/** The headers that a gateway writes over the client's own. */
function identityOf({ headers }: Answer): unknown[] {
  return ['remote-user', 'remote-email', 'remote-name'].map((name) => headers[name])
}

function assertRefused(t: Test, answer: Answer, status: number, message: string): void {
  t.equal(answer.statusCode, status, message)
  t.same(identityOf(answer), ['', '', ''], `${message}: no identity`)
  t.equal(answer.headers['cache-control'], 'no-store', `${message}: must not be cached`)
}

t.test('tells a gateway who the user is, and nothing else', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)
  const { id } = (await app.inject({ url: '/getUser', headers: bearer(token) })).json()

  const response = await app.inject({ url: '/verify', headers: bearer(token) })

  t.equal(response.statusCode, 200)
  t.same(identityOf(response), [id, 'ada@example.com', 'Ada Lovelace'])
  t.equal(response.body, '')
  t.equal(response.headers['content-length'], '0')
  t.equal(response.headers['cache-control'], 'no-store')
  t.notOk('location' in response.headers)
})

t.test('returns an empty name for a user without one', async (t) => {
  const app = await createApp(t)
  const { email, password } = ada
  await app.inject({ method: 'POST', url: '/register', payload: { email, password } })

  const response = await app.inject({ url: '/verify', headers: bearer(await logIn(app)) })

  t.equal(response.statusCode, 200)
  t.match(identityOf(response), [/^[\da-f-]{36}$/, 'ada@example.com', ''])
})

t.test('refuses with the challenge of RFC 6750, and empties the identity headers', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)
  const [key] = await stealKeys(openBeside(t, settings), settings.SECRET_KEY)
  if (!key) throw new Error('There is no key')
  const other = await createToken(await createApp(t))
  const own = { 'remote-user': 'root', 'remote-email': 'root@example.com', 'remote-name': 'root' }

  for (const headers of [{}, { authorization: 'Basic YTpi' }]) {
    const response = await app.inject({ url: '/verify', headers: { ...own, ...headers } })
    assertRefused(t, response, 401, JSON.stringify(headers))
    t.equal(response.headers['www-authenticate'], 'Bearer')
    t.equal(response.json().code, 'authentication_required')
  }

  const refused = {
    'not a token by RFC 6750': 'a b',
    garbage: 'garbage',
    'of another deployment': other,
    expired: forge(key, { ...claimsOf(token), exp: Math.floor(Date.now() / 1000) - 1 }),
    'with a changed signature': `${token.slice(0, -4)}AAAA`,
  }
  for (const [what, bad] of Object.entries(refused)) {
    const response = await app.inject({ url: '/verify', headers: { ...own, ...bearer(bad) } })
    assertRefused(t, response, 401, what)
    t.match(response.headers['www-authenticate'], /^Bearer error="invalid_token", error_description="[^"]+"$/)
    t.equal(response.json().code, 'invalid_token')
  }
  t.equal((await app.inject({ url: '/verify', headers: bearer(token) })).statusCode, 200)
})

t.test('refuses a token on the request after its logout', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)
  const other = await logIn(app)
  t.equal((await app.inject({ url: '/verify', headers: bearer(token) })).statusCode, 200)

  await app.inject({ method: 'POST', url: '/logout', headers: bearer(token) })

  const response = await app.inject({ url: '/verify', headers: bearer(token) })
  assertRefused(t, response, 401, 'logged out')
  t.match(response.headers['www-authenticate'], 'error="invalid_token"')
  t.equal((await app.inject({ url: '/verify', headers: bearer(other) })).statusCode, 200)
})

t.test('answers 403 to a disabled user from the next request on', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)
  t.equal((await app.inject({ url: '/verify', headers: bearer(token) })).statusCode, 200)

  await openBeside(t, settings).run('update users set disabled_at = ?', new Date())

  const response = await app.inject({ url: '/verify', headers: bearer(token) })
  assertRefused(t, response, 403, 'disabled')
  t.equal(response.json().code, 'account_disabled')
})

t.test('refuses tokens from before a new password, of a deleted user and of a retired key', async (t) => {
  for (const change of [
    'update users set token_version = token_version + 1',
    'delete from users',
    'update signing_keys set retires_at = created_at',
  ]) {
    await t.test(change, async (t) => {
      const settings = await sharedSettings(t)
      const app = await createApp(t, settings)
      const token = await createToken(app)
      t.equal((await app.inject({ url: '/verify', headers: bearer(token) })).statusCode, 200)

      await openBeside(t, settings).run(change)

      assertRefused(t, await app.inject({ url: '/verify', headers: bearer(token) }), 401, change)
    })
  }
})

t.test(
  'admits no request while the database cannot answer, and does not call the token invalid',
  async (t) => {
    const settings = await sharedSettings(t)
    const app = await createApp(t, settings)
    const token = await createToken(app)
    t.equal((await app.inject({ url: '/verify', headers: bearer(token) })).statusCode, 200)

    await withoutDatabase(openBeside(t, settings), async () => {
      const response = await app.inject({ url: '/verify', headers: bearer(token) })
      assertRefused(t, response, 503, 'no database')
      t.match(response.headers['retry-after'], /^\d+$/)
      t.equal(response.json().code, 'database_unavailable')
      assertRefused(t, await app.inject({ url: '/verify' }), 401, 'without a token')
    })

    t.equal((await app.inject({ url: '/verify', headers: bearer(token) })).statusCode, 200)
  },
)

t.test('encodes a name in any script for an ASCII header', async (t) => {
  const app = await createApp(t)
  const names = [
    'Ада Лавлейс',
    '100% Ada',
    'Ada\r\nRemote-User: root',
    ' Ada ',
    'Ada: 👩‍💻',
    'a\u007fb\u0085c',
    '\t',
    ' ',
  ]

  for (const [index, name] of names.entries()) {
    const token = await createToken(app, { ...ada, email: `ada${index}@example.com`, name })
    const response = await app.inject({ url: '/verify', headers: bearer(token) })
    t.equal(response.statusCode, 200)
    const field = String(response.headers['remote-name'])
    t.match(
      field,
      /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/,
      'no space at either end, only printable characters',
    )
    t.equal(decodeURIComponent(field), name)
    t.equal(response.headers['remote-email'], `ada${index}@example.com`)
  }

  const international = await createToken(app, { ...ada, email: 'ада@пример.рф' })
  const response = await app.inject({ url: '/verify', headers: bearer(international) })
  t.match(response.headers['remote-email'], /^[\x21-\x7e]+$/)
  t.equal(decodeURIComponent(String(response.headers['remote-email'])), 'ада@пример.рф')
})

t.test('does not encode a plain name', async (t) => {
  for (const name of ['', 'Ada', "Ada King, Countess of Lovelace (1815-1852); #1 + 'x' = ~`^|\\\"<>"]) {
    t.equal(encodeField(name), name)
  }
  t.equal(encodeField('  a  b  '), '%20 a  b %20')
  t.equal(encodeField('50 %'), '50 %25')
  t.equal(encodeField('%41'), '%2541')
  t.equal(decodeURIComponent(encodeField('a\ud800b')), 'a\ufffdb', 'a lone surrogate is not a character')
})
