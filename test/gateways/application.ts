import { once } from 'node:events'
import { Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** A request that the application has received. */
export interface Received {
  method: string
  url: string
  /** All headers, repeated ones too, with their names in lower case. */
  headers: [name: string, value: string][]
  body: Buffer
}

/** Forged identity headers, in all spellings that applications treat as the same. */
export const forgedIdentity: [name: string, value: string][] = ['Remote-User', 'Remote-Email', 'Remote-Name']
  .flatMap((name) => ['-', '_', '.', '~', '!'].map((separator) => name.replace('-', separator)))
  .flatMap((name) => [name, name.toLowerCase(), name.toUpperCase(), name])
  .map((name) => [name, 'root'])

/**
 * The values of all headers that an application could confuse with this one. CGI, for example, ignores all characters
 * except letters and digits.
 */
export function valuesOf({ headers }: Received, name: string): string[] {
  const fold = (text: string) => text.toLowerCase().replace(/[^a-z]/g, '')
  return headers.filter(([other]) => fold(other) === fold(name)).map(([, value]) => value)
}

/** The application behind the gateway. It records each request, and sends it back in the response. */
export async function startApplication(t: Test): Promise<{ port: number; received: Received[] }> {
  const received: Received[] = []
  const server = createServer(async (message, reply) => {
    const headers = pairs(message.rawHeaders).map(([name, value]): [string, string] => [
      name.toLowerCase(),
      value,
    ])
    const { method = '', url = '' } = message
    received.push({ method, url, headers, body: await readAll(message) })
    reply.setHeader('content-type', 'application/json').end(JSON.stringify({ method, url, headers }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, received }
}

/** A request to send. */
export interface Sent {
  method?: string
  path?: string
  token?: string
  /** More headers, sent exactly as they are here, repeated ones too. */
  headers?: [name: string, value: string][]
  body?: Buffer
  /** Whether to send the body in chunks, without Content-Length. */
  chunked?: boolean
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** A client that keeps its connections to a gateway. */
export function createClient(t: Test, port: number): (sent?: Sent) => Promise<Answer> {
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  return async ({ method = 'GET', path = '/', token, headers = [], body, chunked } = {}) => {
    const all = [
      ['Host', `127.0.0.1:${port}`],
      ...(token === undefined ? [] : [['Authorization', `Bearer ${token}`]]),
      ...(body && !chunked ? [['Content-Length', `${body.length}`]] : []),
      ...(body && chunked ? [['Transfer-Encoding', 'chunked']] : []),
      ...headers,
    ]
    // Node.js sends a flat list unchanged.
    const message = request({ agent, host: '127.0.0.1', port, method, path, headers: all.flat() as never })
    message.end(body)
    const [answer] = (await once(message, 'response')) as [IncomingMessage]
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      body: (await readAll(answer)).toString(),
    }
  }
}

function pairs(flat: string[]): [string, string][] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : []))
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await message.toArray())
}
