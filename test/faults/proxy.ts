import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** The network between a service and its database, and all that can happen to it. */
export interface TcpProxy {
  port: number
  /** The same URL, by way of the proxy. */
  through(url: string): string
  /** Connections at present. */
  count(): number
  /** Cuts every connection. */
  cut(): void
  /** From now on nothing comes through, in either direction; connections are accepted still. */
  freeze(): void
  /** What was held back comes through, and all that follows. */
  thaw(): void
  /**
   * Cuts every connection when a client next sends something in which the text stands: before the server gets that, or
   * once it has answered.
   */
  cutAt(text: string, when: 'before' | 'after'): void
  /** Freezes as soon as a client sends something in which the text stands. */
  freezeAt(text: string): void
}

/** What happens once a client sends something with a certain text in it. */
interface Trap {
  text: string
  spring(upstream: Socket, chunk: Buffer): void
}

/** Hands everything on to a port, until told otherwise; it ends with its test. */
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
        // What the server answers is not heard any more.
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

/** A port that accepts every connection and never says a word; it ends with its test. */
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
