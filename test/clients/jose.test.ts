import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import t from 'tap'
import { posternJson } from '../cli.ts'
import { claimsOf, decodeHeader } from '../forge.ts'
import { ada } from '../helper.ts'
import { logInAt } from '../server-process.ts'
import { startIssuer } from './issuer.ts'

for (const algorithm of ['ES256', 'EdDSA', 'RS256']) {
  t.test(`verifies ${algorithm} tokens with only the JWKS`, async (t) => {
    const { url } = await startIssuer(t, { ALGORITHM: algorithm })
    const token = await logInAt(url.origin, ada)
    const jwks = createRemoteJWKSet(new URL('/.well-known/jwks.json', url))
    const expected = { issuer: url.origin, audience: 'https://api.example.com', typ: 'at+jwt' }

    const { payload, protectedHeader } = await jwtVerify(token, jwks, expected)

    t.equal(protectedHeader.alg, algorithm)
    t.match(payload, { email: ada.email, client_id: 'postern' })
    await t.rejects(jwtVerify(token, jwks, { ...expected, audience: 'another' }), {
      message: /"aud"/,
    })
    await t.rejects(jwtVerify(token, jwks, { ...expected, issuer: 'another' }), { message: /"iss"/ })
    const { privateKey } = await generateKeyPair(algorithm)
    const { alg = '', kid = '', typ = '' } = decodeHeader(token) as Record<string, string>
    const forged = await new SignJWT(claimsOf(token)).setProtectedHeader({ alg, kid, typ }).sign(privateKey)
    await t.rejects(jwtVerify(forged, jwks, expected), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
  })
}

t.test('cannot verify HS256 tokens, as only Postern can', async (t) => {
  const { url } = await startIssuer(t, { ALGORITHM: 'HS256' })
  const jwks = createRemoteJWKSet(new URL('/.well-known/jwks.json', url))

  await t.rejects(jwtVerify(await logInAt(url.origin, ada), jwks), { code: 'ERR_JOSE_NOT_SUPPORTED' })
})

t.test('has the next key before it signs', async (t) => {
  const { url, options } = await startIssuer(t)
  const [next = {}] = await posternJson(['keys', 'rotate'], options)
  const jwks = createRemoteJWKSet(new URL('/.well-known/jwks.json', url))

  await jwtVerify(await logInAt(url.origin, ada), jwks)

  const key = await jwks({ alg: 'ES256', kid: next['kid'] ?? '' })
  t.match(await exportJWK(key), { kty: 'EC', crv: 'P-256' })
})
