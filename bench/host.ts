/** A host app with Postern in it, in a process of its own: the same route, guarded and not. */
import fastify from 'fastify'
import postern from '../src/index.ts'

/** What the load needs. */
export interface HostReady {
  port: number
  tokens: string[]
}

const USERS = 20

const host = fastify()
await host.register(postern, { prefix: '/auth', bcryptCost: 10, throttle: false })
const schema = { response: { 200: { type: 'object', properties: { note: { type: 'string' } } } } }
const handler = async () => ({ note: 'Buy milk' })
host.get('/unguarded', { schema }, handler)
host.get('/guarded', { schema, onRequest: host.authenticate }, handler)

const tokens: string[] = []
for (let index = 0; index < USERS; index++) {
  const user = { email: `user${index}@example.com`, password: 'correct horse battery staple' }
  await host.postern.register(user)
  tokens.push((await host.postern.login(user)).accessToken)
}
await host.listen({ host: '127.0.0.1', port: 0 })
const { port } = host.server.address() as { port: number }
process.send?.({ port, tokens } satisfies HostReady)
process.on('SIGTERM', () => process.exit())
