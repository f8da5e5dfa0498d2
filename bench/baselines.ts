/** What Postern is measured against, in a process of its own: the least that could be done for the same answer. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import fastify from 'fastify'

/** What an answer of Postern's looks like: the same bytes are sent here. */
export interface Sample {
  headers: Record<string, string>
  body: { id: string; email: string; name: string | null; created_at: string }
}

const sample = await new Promise<Sample>((resolve) =>
  process.once('message', resolve as (value: unknown) => void),
)
const user = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    email: { type: 'string' },
    name: { type: ['string', 'null'] },
    created_at: { type: 'string' },
  },
}
const schema = { response: { 200: user } }
const app = fastify({ logger: false })

app.get('/bare', { schema }, (_request, reply) => {
  reply.headers(sample.headers).send(sample.body)
})

app.get('/bare-empty', (_request, reply) => {
  reply.headers(sample.headers).send()
})

const keys = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

// The usual stateless check, which cannot revoke anything, with its cache on.
await app.register(fastifyJwt, {
  secret: { private: keys.privateKey, public: keys.publicKey },
  sign: { algorithm: 'ES256', expiresIn: '10h' },
  verify: { algorithms: ['ES256'], cache: 10_000 },
})
app.get('/stateless', { schema, onRequest: (request) => request.jwtVerify() }, (_request, reply) => {
  reply.headers(sample.headers).send(sample.body)
})

// One signature, and nothing else, for each request.
const publicKey = createPublicKey(keys.publicKey)
createPrivateKey(keys.privateKey)
app.get('/signature', { schema }, (request, reply) => {
  const token = (request.headers.authorization ?? '').slice('Bearer '.length)
  const dot = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(dot + 1), 'base64url')
  verify('sha256', Buffer.from(token.slice(0, dot)), { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
  reply.headers(sample.headers).send(sample.body)
})

await app.listen({ port: 0 })
const tokens = Array.from({ length: 200 }, (_, index) => app.jwt.sign({ sub: String(index) }))
const { port } = app.server.address() as { port: number }
process.send?.({ port, tokens })
process.on('SIGTERM', () => process.exit())
