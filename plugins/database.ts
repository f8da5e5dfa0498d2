import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Database, openDatabase } from '../drizzle/index.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Database
  }
}

/** Opens the database, and closes it when the app closes. */
async function database(app: FastifyInstance, { url }: { url: string }): Promise<void> {
  const opened = await openDatabase(url)
  app.decorate('database', opened)
  app.addHook('onClose', () => opened.close())
}

export default fp(database, { name: 'postern-database' })
