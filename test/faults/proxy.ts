import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** The network between a service and its database, with its faults. */
export interface TcpProxy {
  port: number
  /** The same URL, through the proxy. */
  through(url: string): string
  /** The number of open connections. */
  count(): number
  /** Cuts every connection. */
  cut(): void
  /** Stops all data in both directions. Connections are still accepted. */
  freeze(): void
  /** Forwards the data that were held back, and all that follow. */
  thaw(): void
  /**
   * Cuts every connection when a client next sends data that contain the text: before the server gets them, or
   * once it has answered.
   */
  cutAt(text: string, when: 'before' | 'after'): void
  /** Freezes as soon as a client sends data that contain the text. */
  freezeAt(text: string): void
}

/** What to do when a client sends data that contain a text. */
interface Trap {
  text: string
  spring(upstream: Socket, chunk: Buffer): void
}

/** Forwards all connections to a port. It ends with its test. */
export async function startProxy(t: Test, target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let isFrozen = false
  let trap: Trap | undefined

  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }

  const freeze = () => {
    isFrozen = true
    for (const socket of sockets) socket.pause()
  }

  function keep(socket: Socket, other: Socket): void {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
    socket.on('end', () => other.end())
    if (isFrozen) socket.pause()
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })
    keep(client, upstream)
    keep(upstream, client)
    upstream.on('data', (chunk) => client.write(chunk))
    client.on('data', (chunk) => {
      if (!trap || !chunk.includes(trap.text)) return void upstream.write(chunk)
      const { spring } = trap
      trap = undefined
      spring(upstream, chunk)
    })
    if (isFrozen) for (const socket of [client, upstream]) socket.pause()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    cut()
    server.close()
  })
  const { port } = server.address() as AddressInfo

  return {
    port,
    through(url) {
      const proxied = new URL(url)
      proxied.port = `${port}`
      return proxied.href
    },
    count: () => sockets.size / 2,
    cut,
    freeze,
    thaw() {
      isFrozen = false
      for (const socket of sockets) socket.resume()
    },
    cutAt(text, when) {
      const spring: Trap['spring'] = (upstream, chunk) => {
        if (when === 'before') return cut()
        // The server's response does not reach the client.
        upstream.removeAllListeners('data').once('data', cut)
        upstream.write(chunk)
      }
      trap = { text, spring }
    },
    freezeAt(text) {
      trap = { text, spring: freeze }
    },
  }
}

/** A port that accepts every connection and never sends anything. It ends with its test. */
export async function startSilence(t: Test): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
