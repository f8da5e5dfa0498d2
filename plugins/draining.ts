import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Milliseconds between two looks at the connections while the app closes. */
const INTERVAL = 100
/** Milliseconds that the closing app waits for requests to arrive whole and to be answered. */
const PATIENCE = 8_000

/**
 * Ends each connection, once the app closes, as soon as no answer is due on it. Node.js by itself waits for those that
 * nothing was ever sent on, and for those that are kept alive after their answer.
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
