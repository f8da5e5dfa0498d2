import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { claimsOf, encode } from '../forge.ts'
import { ada } from '../helper.ts'
import { logInAt } from '../server-process.ts'
import { startIssuer } from './issuer.ts'

/** Debian's Python, which has the packages python3-jwt and python3-cryptography. */
const PYTHON = process.env['PYTHON'] ?? '/usr/bin/python3'

/** A resource server's check as in PyJWT's documentation. It prints the claims, or the name of the exception. */
const SCRIPT = `
import json, sys, jwt
jwks_uri, algorithm, issuer, audience = sys.argv[1:]
client = jwt.PyJWKClient(jwks_uri)
for token in sys.stdin.read().split():
    try:
        key = client.get_signing_key_from_jwt(token)
        print(json.dumps(jwt.decode(token, key.key, algorithms=[algorithm], issuer=issuer, audience=audience)))
    except jwt.exceptions.PyJWTError as error:
        print(json.dumps(type(error).__name__))
`

/** Checks each token with PyJWT. */
async function check(tokens: string[], ...parameters: string[]): Promise<unknown[]> {
  const running = promisify(execFile)(PYTHON, ['-c', SCRIPT, ...parameters])
  running.child.stdin?.end(tokens.join('\n'))
  const { stdout } = await running
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

for (const algorithm of ['ES256', 'RS256', 'EdDSA']) {
  t.test(`PyJWKClient verifies ${algorithm} tokens with only the JWKS`, async (t) => {
    const { url } = await startIssuer(t, { ALGORITHM: algorithm })
    const token = await logInAt(url.origin, ada)
    const [header, , signature] = token.split('.')
    const altered = [header, encode({ ...claimsOf(token), sub: 'root' }), signature].join('.')
    const jwksUri = `${url.origin}/.well-known/jwks.json`

    const [claims, refused] = await check(
      [token, altered],
      jwksUri,
      algorithm,
      url.origin,
      'https://api.example.com',
    )

    t.strictSame(claims, claimsOf(token))
    t.equal(refused, 'InvalidSignatureError')
    t.same(await check([token], jwksUri, algorithm, url.origin, 'another'), ['InvalidAudienceError'])
  })
}
