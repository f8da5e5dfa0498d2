import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

const compress = promisify(gzip)

/** Media types that are worth it. */
const TEXT = /^(?:text\/|application\/(?:javascript|json))/

/** An `Accept-Encoding` that accepts gzip, and does not refuse it by a weight of 0 (RFC 9110 section 12.5.3). */
const GZIP = /(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i

/**
 * Compresses the static files of its scope, each once: a library that does so for each request would let a flood of
 * them take the threads that passwords are hashed on.
 */
async function compression(app: FastifyInstance): Promise<void> {
  const compressed = new Map<string, Promise<Buffer>>()

  app.addHook<unknown>('onSend', async ({ headers, method, url }, reply, payload) => {
    const isText = TEXT.test(String(reply.getHeader('content-type')))
    // A part of a file, and a file that the client has already, stay as they are.
    if (!isText || method !== 'GET' || reply.statusCode !== 200 || !(payload instanceof Readable))
      return payload
    reply.header('vary', 'accept-encoding')
    if (!GZIP.test(String(headers['accept-encoding']))) return payload
    const [path = ''] = url.split('?', 1)
    const ready = compressed.get(path)
    if (ready) payload.destroy()
    const result = ready ?? buffer(payload).then((file) => compress(file))
    compressed.set(path, result)
    // A file that could not be read once is read again.
    result.catch(() => compressed.delete(path))
    const file = await result
    reply.headers({ 'content-encoding': 'gzip', 'content-length': file.length }).removeHeader('accept-ranges')
    return file
  })
}

export default fp(compression, { name: 'postern-docs-compression' })
