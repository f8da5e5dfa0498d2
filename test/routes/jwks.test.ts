import { createPublicKey } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, type JWK, jwtVerify } from 'jose'
import t from 'tap'
import { createKeyLifecycle } from '../../plugins/signing-keys/lifecycle.ts'
import { decodeHeader } from '../forge.ts'
import { assertProblem, bearer, createApp, createToken, exchange, logIn } from '../helper.ts'
import { openBeside, openShared, sharedSettings } from '../shared-database.ts'
import { withoutDatabase } from '../trouble.ts'

const PATH = '/.well-known/jwks.json'

/** All members that a public key has, by RFC 7518 and RFC 8037. */
const MEMBERS = {
  ES256: ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
  EdDSA: ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
  RS256: ['alg', 'e', 'kid', 'kty', 'n', 'use'],
}

/** Members that only a private or a symmetric key has. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

for (const [algorithm, members] of Object.entries(MEMBERS)) {
  t.test(`publishes the public key for ${algorithm}, which verifies the tokens`, async (t) => {
    const app = await createApp(t, { ALGORITHM: algorithm })
    const token = await createToken(app)

    const answer = await app.inject(PATH)

    t.equal(answer.statusCode, 200)
    t.match(answer.headers['content-type'], /^application\/jwk-set\+json/)
    t.equal(answer.headers['cache-control'], 'public, max-age=300')
    const jwks: JSONWebKeySet = answer.json()
    t.same(Object.keys(jwks), ['keys'])
    t.equal(jwks.keys.length, 1)
    const [key = { kty: '' }] = jwks.keys
    t.same(Object.keys(key).sort(), members)
    for (const member of SECRET_MEMBERS) t.notOk(member in key, `no ${member}`)
    t.match(key, { alg: algorithm, use: 'sig', kid: decodeHeader(token)['kid'] })
    const { type, asymmetricKeyDetails } = createPublicKey({ key: { ...key }, format: 'jwk' })
    t.equal(type, 'public')
    if (algorithm === 'RS256') t.equal(asymmetricKeyDetails?.modulusLength, 3072)

    const expected = { issuer: 'postern', audience: 'postern', typ: 'at+jwt', algorithms: [algorithm] }
    await t.resolves(jwtVerify(token, createLocalJWKSet(jwks), expected))
    const other: JSONWebKeySet = (await (await createApp(t, { ALGORITHM: algorithm })).inject(PATH)).json()
    const impostor = { keys: other.keys.map((foreign) => ({ ...foreign, kid: key.kid }) as JWK) }
    await t.rejects(jwtVerify(token, createLocalJWKSet(impostor), expected), /signature/)
  })
}

t.test('publishes nothing for HS256', async (t) => {
  const app = await createApp(t, { ALGORITHM: 'HS256' })

  const answer = await app.inject(PATH)

  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['cache-control'], 'public, max-age=300')
  t.equal(answer.body, '{"keys":[]}')
})

t.test('needs no credentials and ignores any', async (t) => {
  const app = await createApp(t)

  for (const headers of [{}, bearer('garbage'), { authorization: 'Basic YTpi' }]) {
    t.equal((await app.inject({ url: PATH, headers })).statusCode, 200)
  }
  const head = await app.inject({ method: 'HEAD', url: PATH })
  t.equal(head.statusCode, 200)
  t.equal(head.body, '')
  const wrong = await app.inject({ method: 'POST', url: PATH })
  assertProblem(t, wrong, 'method_not_allowed')
  t.equal(wrong.headers['allow'], 'GET, HEAD')
})

t.test('publishes the next key before it signs, and removes a retired key at once', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const kids = async () => (await app.inject(PATH)).json().keys.map(({ kid }: JWK) => kid)
  const token = await createToken(app)
  const { kid: first } = decodeHeader(token)
  t.same(await kids(), [first])

  const database = await openShared(t, settings)
  const { key: next } = await createKeyLifecycle({
    repository: database.signingKeys,
    secretKey: settings.SECRET_KEY,
    algorithm: 'ES256',
    accessTokenExpireMinutes: 15,
  }).rotate()

  t.same(await kids(), [first, next.kid], 'published')
  t.equal(decodeHeader(await logIn(app))['kid'], first, 'not signing yet')

  await openBeside(t, settings).run('update signing_keys set retires_at = ? where kid = ?', new Date(), first)

  t.same(await kids(), [next.kid])
  t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 401)
  const after = await logIn(app)
  t.equal(decodeHeader(after)['kid'], next.kid, 'signing, as the only key')
  t.equal((await app.inject({ url: '/getUser', headers: bearer(after) })).statusCode, 200)
})

t.test('still publishes the key of a former algorithm while its tokens are valid', async (t) => {
  const settings = await sharedSettings(t)
  const before = await createApp(t, settings)
  const token = await createToken(before)
  await before.close()

  const app = await createApp(t, { ...settings, ALGORITHM: 'EdDSA' })

  const keys: JWK[] = (await app.inject(PATH)).json().keys
  t.same(
    keys.map(({ alg }) => alg),
    ['ES256', 'EdDSA'],
  )
  t.equal((await app.inject({ url: '/getUser', headers: bearer(token) })).statusCode, 200)
  await t.resolves(jwtVerify(token, createLocalJWKSet({ keys })))
})

t.test('answers 503 instead of an empty list while the database cannot answer', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)

  const answer = await withoutDatabase(openBeside(t, settings), () => app.inject(PATH))

  assertProblem(t, answer, 'database_unavailable')
  t.equal(answer.headers['cache-control'], 'no-store')
})

t.test('refuses a request whose header is too large', async (t) => {
  const app = await createApp(t)

  const answer = await exchange(
    app,
    `GET ${PATH} HTTP/1.1\r\nHost: postern\r\nX-Large: ${'x'.repeat(17_000)}\r\n\r\n`,
  )

  t.match(answer, /^HTTP\/1\.1 431 /)
  t.match(answer, '"code":"header_fields_too_large"')
})
