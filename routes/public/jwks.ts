import { createPublicKey } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import type { SigningKey } from '../../plugins/signing-keys/index.ts'
import { JWKS_MAX_AGE } from '../../plugins/signing-keys/lifecycle.ts'
import { problemResponses, type Route } from '../schemas.ts'

const Jwk = Type.Object(
  {
    kty: Type.String({ examples: ['EC'] }),
    kid: Type.String({ examples: ['r2Kcrya1qL5is5km'] }),
    alg: Type.String({ examples: ['ES256'] }),
    use: Type.Literal('sig'),
    crv: Type.Optional(Type.String({ examples: ['P-256'] })),
    x: Type.Optional(Type.String({ examples: ['f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU'] })),
    y: Type.Optional(Type.String({ examples: ['x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0'] })),
    n: Type.Optional(Type.String({ description: 'RSA modulus' })),
    e: Type.Optional(Type.String({ examples: ['AQAB'] })),
  },
  { description: 'A public key (RFC 7517).' },
)

/** The answer to `GET /.well-known/jwks.json`. */
export const Jwks = Type.Object({ keys: Type.Array(Jwk) })

type PublicKey = Pick<SigningKey, 'kid' | 'algorithm' | 'publicKey'>

/** `GET /.well-known/jwks.json`: the public keys of past, present and soon coming tokens (RFC 7517 section 5). */
const jwks: Route = async (app) => {
  app.get(
    '/.well-known/jwks.json',
    {
      exposeHeadRoute: true,
      schema: {
        operationId: 'jwks',
        summary: 'Get the public keys',
        tags: ['Keys'],
        security: [],
        response: {
          200: {
            description: 'The keys; none for HS256.',
            headers: {
              'Cache-Control': { type: 'string', examples: [`public, max-age=${JWKS_MAX_AGE}`] },
            },
            content: { 'application/jwk-set+json': { schema: Jwks } },
          },
          ...problemResponses('header_fields_too_large'),
        },
      },
    },
    async (_request, reply) => {
      const keys = await app.signingKeys.list()
      return reply
        .header('cache-control', `public, max-age=${JWKS_MAX_AGE}`)
        .type('application/jwk-set+json')
        .send({ keys: keys.flatMap(toJwk) })
    },
  )
}

export default jwks

/** The public part of a key. A symmetric key has none. */
function toJwk({ kid, algorithm, publicKey }: PublicKey): Static<typeof Jwk>[] {
  if (publicKey === null) return []
  const jwk = createPublicKey(publicKey).export({ format: 'jwk' })
  return [{ ...jwk, kid, alg: algorithm, use: 'sig' } as Static<typeof Jwk>]
}
