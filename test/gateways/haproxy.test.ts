import t, { type Test } from 'tap'
import { claimsOf, decodeHeader, encode, forge } from '../forge.ts'
import { ada } from '../helper.ts'
import { forgedIdentity, valuesOf } from './application.ts'
import { createStrangeKey, type Deployment, startPostern } from './behind.ts'
import { startHaproxy } from './gateways.ts'

/** Postern, the application, and HAProxy with the keys that `postern keys export` prints. */
async function standBehindHaproxy(t: Test): Promise<Deployment> {
  const { deployment, ports } = await startPostern(t)
  const pems = (await deployment.keys()).map(({ kid }) => deployment.command('keys', 'export', kid, '--pem'))
  const [pem = ''] = await Promise.all(pems)
  await startHaproxy(t, ports, pem)
  await deployment.register(ada)
  return deployment
}

t.test(
  'HAProxy admits a valid token without asking Postern, and tells the application who the user is',
  async (t) => {
    const { send, received, logIn, postern } = await standBehindHaproxy(t)
    const token = await logIn()
    await postern.stop()

    const body = Buffer.from('{"a": 1}')
    const answer = await send({ method: 'POST', path: '/a%2Fb?c=d', token, body })

    t.equal(answer.status, 200)
    const [request] = received
    t.match(request, { method: 'POST', url: '/a%2Fb?c=d', body })
    const headers = Object.fromEntries(request?.headers ?? [])
    t.match(headers, { 'remote-user': claimsOf(token)['sub'], 'remote-email': ada.email })
    t.equal(headers['authorization'], `Bearer ${token}`, 'so that the application can ask Postern')
    t.equal(
      (await send({ method: 'POST', path: '/login', body })).status,
      503,
      'but logging in is not possible',
    )
  },
)

t.test('HAProxy removes identity headers that a client sends, in any spelling', async (t) => {
  const { send, received, logIn } = await standBehindHaproxy(t)
  const token = await logIn()
  const headers: [string, string][] = [
    ...forgedIdentity,
    ['X-Forwarded-For', '192.0.2.1'],
    ['X-Original-URL', '/login'],
    ['X-Rewrite-URL', '/login'],
  ]

  t.equal((await send({ headers })).status, 401)
  t.equal(received.length, 0)
  t.equal((await send({ token, headers })).status, 200)

  const [request] = received
  if (!request) return void t.fail('the application has not received the request')
  t.same(valuesOf(request, 'Remote-User'), [claimsOf(token)['sub']])
  t.same(valuesOf(request, 'Remote-Email'), [ada.email])
  t.same(valuesOf(request, 'Remote-Name'), [])
  t.same(valuesOf(request, 'X-Forwarded-For'), ['127.0.0.1'])
  t.same(valuesOf(request, 'X-Original-URL'), [])
  t.same(valuesOf(request, 'X-Rewrite-URL'), [])
})

t.test('HAProxy refuses an invalid token with the challenge of RFC 6750', async (t) => {
  const deployment = await standBehindHaproxy(t)
  const { send, received, resign } = deployment
  const token = await deployment.logIn()
  const [key] = await deployment.keys()
  if (!key) throw new Error('There is no key')
  const header = decodeHeader(token)
  const claims = claimsOf(token)
  const [encodedHeader = '', encodedClaims = '', signature = ''] = token.split('.')
  const publicPem = key.publicKey ?? ''
  const hmac = { ...key, algorithm: 'HS256' }
  const now = Math.floor(Date.now() / 1000)
  const refused = {
    garbage: 'garbage',
    'in three parts': 'x.y.z',
    empty: '..',
    expired: await resign(token, { exp: now - 1 }),
    'without an expiry': forge(key, { ...claims, exp: undefined }),
    'with an expiry that is not a number': await resign(token, { exp: 'never' }),
    'of another issuer': await resign(token, { iss: 'postern2' }),
    'for another audience': await resign(token, { aud: 'someone else' }),
    'of another type': forge(key, claims, { ...header, typ: 'JWT' }),
    'whose header says another algorithm': forge(key, claims, { ...header, alg: 'ES384' }),
    'of another key': forge(createStrangeKey(key.kid), claims),
    'of alg none': `${encode({ ...header, alg: 'none' })}.${encodedClaims}.`,
    'of alg none, signed': `${encode({ ...header, alg: 'none' })}.${encodedClaims}.${signature}`,
    unsigned: `${encodedHeader}.${encodedClaims}.`,
    'of HS256 with the public key as its secret': forge({ ...hmac, privateKey: publicPem }, claims, {
      ...header,
      alg: 'HS256',
    }),
    'of HS256 that says ES256': forge({ ...hmac, privateKey: publicPem }, claims, header),
    'with other claims': `${encodedHeader}.${encode({ ...claims, sub: 'root' })}.${signature}`,
  }

  for (const [what, bad] of Object.entries(refused)) {
    const { status, headers } = await send({ token: bad })
    t.equal(status, 401, what)
    t.equal(headers['www-authenticate'], 'Bearer error="invalid_token"', what)
  }
  const none = await send()
  t.same([none.status, none.headers['www-authenticate']], [401, 'Bearer'])
  const twice: [string, string][] = [['Authorization', `Bearer ${await resign(token, { sub: 'root' })}`]]
  t.equal((await send({ token, headers: twice })).status, 401, 'two headers')
  t.equal((await send({ path: `/?access_token=${token}` })).status, 401, 'in the URL')
  for (const kilobytes of [9, 16, 64]) {
    const { status } = await send({ token: 'a'.repeat(kilobytes * 1024) })
    t.ok(status >= 400 && status < 500, `of ${kilobytes} KiB: ${status}`)
  }
  t.equal(received.length, 0, 'the application receives none of these requests')
  t.equal((await send({ token })).status, 200, 'a valid token is still admitted')
})

t.test('HAProxy admits a logged-out token until it expires, as its recipe says', async (t) => {
  const { send, logIn, logOut } = await standBehindHaproxy(t)
  const token = await logIn()
  t.equal((await logOut(token)).status, 200)

  t.equal((await send({ path: '/getUser', token })).status, 401, 'Postern refuses it')
  t.equal((await send({ token })).status, 200, 'HAProxy does not know about the logout')
})

t.test('HAProxy admits the tokens of two keys during a rotation', async (t) => {
  const { deployment, ports } = await startPostern(t)
  await deployment.command('keys', 'rotate')
  const [first, second] = await deployment.keys()
  const exportKey = (kid = '') => deployment.command('keys', 'export', kid, '--pem')
  await startHaproxy(t, ports, await exportKey(first?.kid), await exportKey(second?.kid))
  const { send, register, logIn, db } = deployment
  await register(ada)
  const old = await logIn()
  await db.run('update signing_keys set activates_at = ? where kid = ?', new Date(), second?.kid)
  const fresh = await logIn()

  t.same([decodeHeader(old)['kid'], decodeHeader(fresh)['kid']], [first?.kid, second?.kid])
  t.equal((await send({ token: old })).status, 200)
  t.equal((await send({ token: fresh })).status, 200)
})

t.test('HAProxy does not expose the endpoints for gateways, machines and operators', async (t) => {
  const { send, received } = await standBehindHaproxy(t)
  for (const path of ['/verify', '/introspect', '/revoke', '/healthz', '/readyz', '/docs']) {
    t.equal((await send({ path })).status, 401, path)
  }
  t.equal((await send({ path: '/.well-known/jwks.json' })).status, 200)
  t.equal(received.length, 0)
})
