import SqliteDriver from 'better-sqlite3'
import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import postern from 'postern'
import { users } from 'postern/drizzle'

/** Each note belongs to a user, and is deleted with them. */
const notes = sqliteTable('notes', {
  id: integer('id').primaryKey(),
  owner: text('owner')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  text: text('text').notNull(),
})

const body = { type: 'object', required: ['text'], properties: { text: { type: 'string' } } }

/** An app whose database also has Postern's tables. */
export async function buildApp(path: string, secretKey: string): Promise<FastifyInstance> {
  const app = fastify({ logger: { level: 'warn' } })

  const database = new SqliteDriver(path)
  database.pragma('journal_mode = WAL')
  // What Postern has confirmed survives a power cut.
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  app.addHook('onClose', async () => void database.close())

  await app.register(postern, { prefix: '/auth', database, secretKey })
  database.exec(`create table if not exists notes (
    id integer primary key,
    owner text not null references postern_users (id) on delete cascade,
    text text not null
  )`)
  const db = drizzle(database)

  app.get('/', { onRequest: app.authenticate.optional }, async ({ auth }) => {
    return { hello: auth?.email ?? 'stranger', notes: await db.$count(notes) }
  })

  await app.register(async (guarded) => {
    guarded.addHook('onRequest', app.authenticate)

    guarded.get('/notes', async (request) => {
      return db
        .select({ id: notes.id, text: notes.text })
        .from(notes)
        .where(eq(notes.owner, ownerOf(request)))
        .all()
    })

    guarded.post<{ Body: { text: string } }>('/notes', { schema: { body } }, async (request, reply) => {
      const note = db
        .insert(notes)
        .values({ owner: ownerOf(request), text: request.body.text })
        .returning()
        .get()
      return reply.code(201).send(note)
    })

    guarded.delete('/account', async (request, reply) => {
      await app.postern.deleteUser(ownerOf(request))
      return reply.code(204).send()
    })
  })
  return app
}

function ownerOf({ auth }: FastifyRequest): string {
  if (!auth) throw new Error('This route is not guarded')
  return auth.userId
}
