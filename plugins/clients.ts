import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { v7 as uuidv7 } from 'uuid'
import type { ClientRow } from '../drizzle/index.ts'

declare module 'fastify' {
  interface FastifyInstance {
    clients: {
      /**
       * An `onRequest` hook: admits a client by HTTP Basic (RFC 6749 section 2.3.1), and refuses all other requests.
       */
      authenticate(request: FastifyRequest): Promise<void>
    }
  }
}

interface ClientCredentials {
  id: string
  secret: string
}

/** A client just created, and its secret, which cannot be read again. */
export interface NewClient {
  row: ClientRow
  secret: string
}

export function createClient(name: string): NewClient {
  const secret = randomBytes(32).toString('base64url')
  return {
    row: { id: uuidv7(), name, hashedSecret: digest(secret).toString('hex'), createdAt: new Date() },
    secret,
  }
}

/** The machines that may introspect and revoke tokens. */
async function clients(app: FastifyInstance): Promise<void> {
  async function isClient(credentials: ClientCredentials): Promise<boolean> {
    const client = await app.database.clients.find(credentials.id)
    const expected = Buffer.from(client?.hashedSecret ?? '', 'hex')
    const given = digest(credentials.secret)
    return expected.length === given.length && timingSafeEqual(expected, given)
  }

  app.decorate('clients', {
    async authenticate(request) {
      const credentials = parseBasic(request.headers.authorization)
      if (credentials && (await app.throttling.client(request, () => isClient(credentials)))) return
      throw app.problem('invalid_client', { error: 'invalid_client' })
    },
  })
}

export default fp(clients, {
  name: 'postern-clients',
  dependencies: ['postern-problem', 'postern-database', 'postern-throttling'],
})

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** HTTP Basic (RFC 7617), whose two parts an OAuth client form-encodes first (RFC 6749 section 2.3.1). */
function parseBasic(authorization = ''): ClientCredentials | undefined {
  const encoded = /^basic +([\w+/-]+=*)$/i.exec(authorization)?.[1]
  if (encoded === undefined) return undefined
  const decoded = Buffer.from(encoded, 'base64').toString()
  const colon = decoded.indexOf(':')
  if (colon < 0) return undefined
  try {
    return { id: decodeForm(decoded.slice(0, colon)), secret: decodeForm(decoded.slice(colon + 1)) }
  } catch {
    return undefined
  }
}

function decodeForm(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}
