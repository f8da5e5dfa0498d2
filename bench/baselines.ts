/** The baselines, in a process of their own: the least work for the same response. */
// The service does the same. Without these, a baseline is a fifth slower in some runs.
import '../src/runtime/garbage-collection.js'
import '../src/runtime/tick-object.js'
import { createPublicKey, verify } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import fastify from 'fastify'

/** A response of Postern's, to send the same bytes, and the key of its tokens. */
export interface Sample {
  publicKey: string
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

// The usual stateless check of the same tokens, which cannot revoke anything, with its cache on.
await app.register(fastifyJwt, {
  secret: { public: sample.publicKey },
  verify: { algorithms: ['ES256'], allowedIss: 'postern', allowedAud: 'postern', cache: 10_000 },
})
app.get('/stateless', { schema, onRequest: (request) => request.jwtVerify() }, (_request, reply) => {
  reply.headers(sample.headers).send(sample.body)
})

// One signature, and nothing else, for each request.
const publicKey = createPublicKey(sample.publicKey)
app.get('/signature', { schema }, (request, reply) => {
  const token = (request.headers.authorization ?? '').slice('Bearer '.length)
  const dot = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(dot + 1), 'base64url')
  verify('sha256', Buffer.from(token.slice(0, dot)), { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
  reply.headers(sample.headers).send(sample.body)
})

await app.listen({ port: 0 })
const { port } = app.server.address() as { port: number }
process.send?.(port)
process.on('SIGTERM', () => process.exit())
