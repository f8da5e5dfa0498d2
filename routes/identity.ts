import type { FastifyReply, FastifyRequest } from 'fastify'

/** The user that a response to a gateway names. */
interface Identity {
  id: string
  email: string
  name: string | null
}

const NOBODY: Identity = { id: '', email: '', name: '' }

/**
 * An `onRequest` hook that sends all identity headers empty until `sendIdentity` sets them, so that a gateway which
 * copies them always overwrites the client's own.
 */
export function sendNoIdentity(_request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  sendIdentity(reply, NOBODY)
  done()
}

/** Sets the identity headers of a response. */
export function sendIdentity(reply: FastifyReply, { id, email, name }: Identity): void {
  reply.header('remote-user', id)
  reply.header('remote-email', encodeField(email))
  reply.header('remote-name', encodeField(name ?? ''))
}

/** The characters that a header field's value cannot carry, the percent sign, and spaces at either end. */
const UNSAFE = /[^\x20-\x7e]+|%|^ | $/gu

/** Text as a header field's value: printable ASCII as it is, the rest percent-encoded UTF-8 (RFC 3986 section 2.1). */
export function encodeField(text: string): string {
  return text.toWellFormed().replace(UNSAFE, encodeURIComponent)
}
