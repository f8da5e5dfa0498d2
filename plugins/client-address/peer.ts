import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Reads the address of each connection's other end when the connection is accepted. Once the client has reset the
 * connection, it cannot be read any more, but Node.js remembers what was read before.
 */
export function rememberPeers({ server }: FastifyInstance): void {
  const remember = (socket: Socket) => void socket.remoteAddress
  server.on('connection', remember)
  // With TLS, requests come from a socket of their own.
  server.on('secureConnection', remember)
}

/** The address of the other end of a request's connection; undefined if it has none, as with a Unix socket. */
export function peerOf({ socket }: FastifyRequest): string | undefined {
  return socket.remoteAddress?.replace(/^::ffff:/i, '')
}

/** Whether the client has closed the connection: on TCP, only then is there no address. */
export function isGone(request: FastifyRequest): boolean {
  const { server, socket } = request
  if (peerOf(request) !== undefined) return false
  const address = server.server.address()
  return socket.destroyed || (address !== null && typeof address === 'object')
}
