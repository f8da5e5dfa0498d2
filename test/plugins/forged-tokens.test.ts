import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { assertRefused, createForger, encode, forge, headerOf, type StolenKey } from '../forge.ts'
import { assertProblem, bearer } from '../helper.ts'

t.test('a token is refused if its header is not the one that Postern writes', async (t) => {
  const forger = await createForger(t)
  const { key, claims } = forger
  const header = headerOf(key)
  const own = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const jwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }
  const stranger: StolenKey = { ...key, ...own }

  const headers = {
    'no typ': { alg: 'ES256', kid: key.kid },
    'typ JWT': { ...header, typ: 'JWT' },
    'typ in full': { ...header, typ: 'application/at+jwt' },
    'typ in capitals': { ...header, typ: 'AT+JWT' },
    'no kid': { alg: 'ES256', typ: 'at+jwt' },
    'an unknown kid': { ...header, kid: 'unknown' },
    'an empty kid': { ...header, kid: '' },
    'kid as a list': { ...header, kid: [key.kid] },
    'kid as a path': { ...header, kid: '../../dev/null' },
    'kid as SQL': { ...header, kid: "' or 1=1 --" },
    crit: { ...header, crit: ['exp'] },
    'crit, unknown': { ...header, crit: ['b64'], b64: false },
    'crit, empty': { ...header, crit: [] },
    jku: { ...header, jku: 'http://127.0.0.1:1/jwks.json' },
    x5u: { ...header, x5u: 'http://127.0.0.1:1/cert.pem' },
    jwk: { ...header, jwk },
    'no alg': { typ: 'at+jwt', kid: key.kid },
    'another alg': { ...header, alg: 'ES384' },
    'alg in small letters': { ...header, alg: 'es256' },
    'another order': { kid: key.kid, typ: 'at+jwt', alg: 'ES256' },
    spaces: JSON.stringify(header, null, 1),
    'alg twice': `{"alg":"none",${JSON.stringify(header).slice(1)}`,
    null: 'null',
    'a list': '[]',
    'no JSON': '{',
    nothing: '',
  }
  for (const [about, forged] of Object.entries(headers)) {
    await assertRefused(t, forger, forge(key, claims, forged), about)
  }
  await assertRefused(t, forger, forge(stranger, claims), 'a key of their own')
  await assertRefused(t, forger, forge(stranger, claims, { ...header, jwk }), 'a key of their own, enclosed')
})

t.test('a token without a signature is refused, whatever its header says', async (t) => {
  const forger = await createForger(t)
  const { key } = forger
  const claims = { ...forger.claims, email: 'eve@example.com' }

  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, 0, 'ES256']) {
    const unsigned = `${encode({ ...headerOf(key), alg })}.${encode(claims)}.`
    await assertRefused(t, forger, unsigned, `alg ${alg}, no signature`)
    await assertRefused(
      t,
      forger,
      `${unsigned}${forger.token.split('.')[2]}`,
      `alg ${alg}, another's signature`,
    )
  }
  for (const zeros of [64, 63, 1, 72]) {
    const signature = Buffer.alloc(zeros).toString('base64url')
    const token = `${encode(headerOf(key))}.${encode(claims)}.${signature}`
    await assertRefused(t, forger, token, `${zeros} zero bytes`)
  }
})

t.test('a public key is not accepted as a shared secret', async (t) => {
  for (const algorithm of ['ES256', 'EdDSA', 'RS256']) {
    const forger = await createForger(t, algorithm)
    const { key, claims } = forger
    const pem = key.publicKey ?? ''
    for (const secret of [pem, pem.trim(), pem.replaceAll(/-----.*-----|\n/g, '')]) {
      const confused: StolenKey = { ...key, algorithm: 'HS256', privateKey: secret }
      await assertRefused(t, forger, forge(confused, claims), `${algorithm}: says HS256`)
      await assertRefused(t, forger, forge(confused, claims, headerOf(key)), `${algorithm}: does not say`)
    }
  }
})

t.test('a token with any flipped bit is refused', async (t) => {
  const forger = await createForger(t)
  const parts = forger.token.split('.')

  for (const [index, name] of ['header', 'claims', 'signature'].entries()) {
    const bytes = Buffer.from(parts[index] ?? '', 'base64url')
    for (const position of [0, 1, Math.floor(bytes.length / 2), bytes.length - 1]) {
      for (const bit of [1, 0x80]) {
        const flipped = Buffer.from(bytes)
        flipped[position] = (flipped[position] ?? 0) ^ bit
        const token = parts.with(index, flipped.toString('base64url')).join('.')
        await assertRefused(t, forger, token, `${name}, byte ${position}`)
      }
    }
  }
})

/** The order of the group of P-256 (SEC 2). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** Other spellings of the same token, whose signatures are valid too. */
function respell(token: string): string[] {
  const [header = '', claims = '', signature = ''] = token.split('.')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  // 64 bytes leave four bits of the last letter unused.
  const last = alphabet.indexOf(signature.at(-1) ?? '')
  const letters = Array.from({ length: 16 }, (_, bits) => alphabet[(last & 0x30) | bits] ?? '')
  const bytes = Buffer.from(signature, 'base64url')
  // (r, s) and (r, n - s) are signatures of the same.
  const s = P256_ORDER - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const mirrored = Buffer.concat([
    bytes.subarray(0, 32),
    Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
  ])
  const signatures = [
    ...letters.map((letter) => signature.slice(0, -1) + letter),
    `${signature}=`,
    `${signature}==`,
    bytes.toString('base64'),
    mirrored.toString('base64url'),
  ]
  return signatures.map((other) => `${header}.${claims}.${other}`).filter((other) => other !== token)
}

t.test('every spelling of a revoked token is refused', async (t) => {
  const { app, token } = await createForger(t)
  const spellings = respell(token)
  const readable: string[] = []
  for (const spelling of spellings) {
    const { statusCode } = await app.inject({ url: '/getUser', headers: bearer(spelling) })
    t.ok([200, 401].includes(statusCode))
    if (statusCode === 200) readable.push(spelling)
  }
  t.ok(readable.length > 0, `${readable.length} of ${spellings.length} spellings have a valid signature`)

  await app.inject({ method: 'POST', url: '/logout', headers: bearer(token) })

  for (const spelling of [token, ...spellings]) {
    const answer = await app.inject({ url: '/getUser', headers: bearer(spelling) })
    assertProblem(t, answer, 'invalid_token')
  }
})

t.test('a logout with another spelling revokes the token', async (t) => {
  const { app, token } = await createForger(t)
  const mirrored = respell(token).at(-1) ?? ''

  const answer = await app.inject({ method: 'POST', url: '/logout', headers: bearer(mirrored) })

  t.equal(answer.statusCode, 200)
  assertProblem(t, await app.inject({ url: '/getUser', headers: bearer(token) }), 'invalid_token')
})
