import { createHash } from 'node:crypto'
import t from 'tap'
import { bearer, createApp, createToken } from '../helper.ts'
import { addClient, assertOAuthError, basic, postForm } from '../oauth.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

/** The endpoints that need a client's credentials. */
const ENDPOINTS = ['/introspect', '/revoke']

t.test('refuses requests without valid client credentials, and reveals and revokes nothing', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const db = openBeside(t, settings)
  const { id, secret } = await addClient(db)
  const other = await addClient(db, 'another')
  const hash = await db.value('select hashed_secret from clients where id = ?', id)
  const token = await createToken(app)

  const refused: Record<string, Record<string, string>> = {
    'no credentials': {},
    'a user’s token': bearer(token),
    'another scheme': { authorization: 'Digest username="x"' },
    'an empty header': { authorization: '' },
    'the scheme alone': { authorization: 'Basic' },
    'not Base64': { authorization: 'Basic ***' },
    'no colon': basic(id),
    'a wrong secret': basic(`${id}:${secret}x`),
    'a shortened secret': basic(`${id}:${secret.slice(0, -1)}`),
    'an empty secret': basic(`${id}:`),
    'a secret in upper case': basic(`${id}:${secret.toUpperCase()}`),
    'the secret of another client': basic(`${id}:${other.secret}`),
    'the hash instead of the secret': basic(`${id}:${hash}`),
    'an unknown id': basic(`${id}x:${secret}`),
    'no id': basic(`:${secret}`),
    'the name instead of the id': basic(`resource server:${secret}`),
    'id and secret swapped': basic(`${secret}:${id}`),
    'a bad percent encoding': basic(`${id}:%zz`),
    'bytes that are not UTF-8': {
      authorization: `Basic ${Buffer.from([0xff, 0x3a, 0xfe]).toString('base64')}`,
    },
    'a NUL': basic(`${id}\0:${secret}\0`),
    SQL: basic(`' or 1=1 --:${secret}`),
  }
  for (const url of ENDPOINTS) {
    for (const [what, headers] of Object.entries(refused)) {
      const answer = await postForm(app, url, { token }, headers)
      assertOAuthError(t, answer, 'invalid_client', 'invalid_client', `${url} with ${what}`)
      t.match(answer.headers['www-authenticate'], /^Basic realm="[^"]+"/)
    }
    const inBody = await postForm(app, url, { token, client_id: id, client_secret: secret })
    assertOAuthError(t, inBody, 'invalid_client', 'invalid_client', `${url} with credentials in the body`)
    const malformed = await postForm(app, url, '%zz', basic(`${id}:x`))
    assertOAuthError(
      t,
      malformed,
      'invalid_client',
      'invalid_client',
      'credentials are checked before the form',
    )
  }
  t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 200)
})

t.test('accepts form-encoded and plain credentials', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const { id, secret } = await addClient(openBeside(t, settings))
  const token = await createToken(app)
  const encodeAll = (text: string) =>
    [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')

  const sent = [
    basic(`${id}:${secret}`),
    basic(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`),
    basic(`${id.replaceAll('-', '%2D')}:${secret.replaceAll('-', '%2D').replaceAll('_', '%5F')}`),
    basic(`${encodeAll(id)}:${encodeAll(secret)}`),
    { authorization: basic(`${id}:${secret}`).authorization.replace('Basic', 'bAsIc') },
    { authorization: basic(`${id}:${secret}`).authorization.replace(' ', '   ') },
    { authorization: basic(`${id}:${secret}`).authorization.replaceAll('=', '') },
  ]
  for (const [index, headers] of sent.entries()) {
    const answer = await postForm(app, '/introspect', { token }, headers)
    t.equal(answer.json().active, true, `form ${index}`)
  }
})

t.test('accepts credentials with any characters if they are form-encoded', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)
  const [id, secret] = ['a client: +1', 'päss wörd + 100% & : = ']
  const hash = createHash('sha256').update(secret).digest('hex')
  await openBeside(t, settings).run("insert into clients values (?, 'imported', ?, ?)", id, hash, new Date())
  const encoded = new URLSearchParams([[id, secret]]).toString().replace('=', ':')
  t.match(encoded, /^a\+client%3A\+%2B1:p%C3%A4ss\+/)

  t.equal((await postForm(app, '/introspect', { token }, basic(encoded))).json().active, true)
  const plain = await postForm(app, '/introspect', { token }, basic(`${id}:${secret}`))
  assertOAuthError(t, plain, 'invalid_client', 'invalid_client', 'not encoded')
})

t.test('refuses a removed client on its next request', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const db = openBeside(t, settings)
  const removed = await addClient(db)
  const kept = await addClient(db, 'another')
  const token = await createToken(app)
  for (const { header } of [removed, kept]) {
    t.equal((await postForm(app, '/introspect', { token }, header)).json().active, true)
  }

  await db.run('delete from clients where id = ?', removed.id)

  for (const url of ENDPOINTS) {
    const answer = await postForm(app, url, { token }, removed.header)
    assertOAuthError(t, answer, 'invalid_client', 'invalid_client', url)
  }
  t.equal((await postForm(app, '/introspect', { token }, kept.header)).json().active, true)
})

t.test('accepts a client that is created while the service runs', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)

  const { header } = await addClient(openBeside(t, settings))

  t.equal((await postForm(app, '/introspect', { token }, header)).json().active, true)
})
