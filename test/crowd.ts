import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import sensible from '@fastify/sensible'
import type { FastifyInstance } from 'fastify'

const NO_COUNT = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }

/** Gives a host app plugins and handlers that would change Postern's responses if it were not encapsulated. */
export default async function crowd(host: FastifyInstance): Promise<void> {
  await host.register(jwt, { secret: 'a secret of the host app, of 32 bytes or more' })
  await host.register(sensible)
  await host.register(helmet)
  // By default these two answer preflights and add rate-limit headers, neither of which is under test here.
  await host.register(cors, { origin: ['https://host.example.com'], preflight: false })
  await host.register(rateLimit, { max: 1_000_000, addHeaders: NO_COUNT, addHeadersOnExceeding: NO_COUNT })
  host.setValidatorCompiler(() => () => true)
  host.setSerializerCompiler(() => () => '"serialized by the host"')
  host.setReplySerializer(() => '"serialized by the host"')
  host.setSchemaErrorFormatter(() => new Error('formatted by the host'))
  host.setErrorHandler((_error, _request, reply) => reply.code(418).send('handled by the host'))
  host.setNotFoundHandler((_request, reply) => reply.code(404).send('missing at the host'))
}
