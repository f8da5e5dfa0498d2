/** The baseline of a check on PostgreSQL, in a process of its own: a route with one prepared SELECT per request. */
// The service does the same. Without these, a baseline is a fifth slower in some runs.
import '../src/runtime/garbage-collection.js'
import '../src/runtime/tick-object.js'
import fastify from 'fastify'
import pg from 'pg'
import type { Sample } from './baselines.ts'

const [url = '', poolSize = '10'] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: url, max: Number(poolSize) })
const sample = await new Promise<Sample>((resolve) =>
  process.once('message', resolve as (value: unknown) => void),
)
const app = fastify({ logger: false })
const text = { type: 'string' }
const user = { type: 'object', properties: { id: text, email: text, name: text, created_at: text } }

app.get('/select', { schema: { response: { 200: user } } }, async (_request, reply) => {
  const { rows } = await pool.query({
    name: 'user',
    text: 'select id, email, name, created_at from postern.users where id = $1',
    values: [sample.body.id],
  })
  reply.headers(sample.headers)
  return { ...rows[0], created_at: rows[0].created_at.toISOString() }
})

await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.((app.server.address() as { port: number }).port)
process.on('SIGTERM', () => process.exit())
