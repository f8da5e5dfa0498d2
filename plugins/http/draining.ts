import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

/** Lets load balancers notice that the process will stop. */
export interface Draining {
  /** Whether the process will stop, so that load balancers should send requests elsewhere. */
  readonly isDraining: boolean
  /**
   * Starts to drain: each connection is closed with its next response.
   *
   * @param milliseconds for which requests are still answered, until this resolves and the app should be closed
   */
  drain(milliseconds: number): Promise<void>
}

/** Milliseconds between two sweeps over the connections of a closing app. */
const INTERVAL = 100
/** Milliseconds that a closing app waits for requests to arrive completely and be answered. */
const GRACE = 8_000

/**
 * Drains and closes connections. When the app closes, each connection is closed as soon as it has no request in flight.
 * Node.js alone would wait for connections without any request, and for those kept alive.
 */
export function createDraining(app: FastifyInstance): Draining {
  const { server } = app
  const sockets = new Set<Socket>()
  let isDraining = false
  let sweep: NodeJS.Timeout | undefined
  let end: NodeJS.Timeout | undefined

  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })

  app.addHook('preClose', async () => {
    sweep = setInterval(() => {
      server.closeIdleConnections()
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    }, INTERVAL)
    end = setTimeout(() => server.closeAllConnections(), GRACE)
  })

  app.addHook('onClose', async () => {
    clearInterval(sweep)
    clearTimeout(end)
  })

  return {
    get isDraining() {
      return isDraining
    },
    async drain(milliseconds) {
      if (milliseconds === 0) return
      isDraining = true
      server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => {
        response.setHeader('connection', 'close')
      })
      await sleep(milliseconds)
    },
  }
}
