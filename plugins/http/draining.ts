import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the process will stop, so that a load balancer should send its requests elsewhere. */
    isDraining: boolean
    /**
     * Lets load balancers go: from now on the app is draining, and each connection ends with its next answer.
     *
     * @param milliseconds that requests are still answered; then it is time to close
     */
    drain(milliseconds: number): Promise<void>
  }
}

/** Milliseconds between two looks at the connections while the app closes. */
const INTERVAL = 100
/** Milliseconds that the closing app waits for requests to arrive whole and to be answered. */
const PATIENCE = 8_000

/**
 * What becomes of connections when the process is to stop. Once the app closes, each ends as soon as no answer is due on it:
 * Node.js by itself waits for those that nothing was ever sent on, and for those that are kept alive after their answer.
 */
async function draining(app: FastifyInstance): Promise<void> {
  const { server } = app
  const sockets = new Set<Socket>()
  let sweep: NodeJS.Timeout | undefined
  let end: NodeJS.Timeout | undefined

  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })

  app.decorate('isDraining', false)
  app.decorate('drain', async (milliseconds: number) => {
    if (milliseconds === 0) return
    app.isDraining = true
    server.prependListener('request', (_request: IncomingMessage, response: ServerResponse) => {
      response.setHeader('connection', 'close')
    })
    await sleep(milliseconds)
  })

  app.addHook('preClose', async () => {
    sweep = setInterval(() => {
      server.closeIdleConnections()
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    }, INTERVAL)
    end = setTimeout(() => server.closeAllConnections(), PATIENCE)
  })

  app.addHook('onClose', async () => {
    clearInterval(sweep)
    clearTimeout(end)
  })
}

export default fp(draining, { name: 'postern-draining' })
