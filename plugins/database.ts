import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Database, type HostDatabase, openDatabase } from '../drizzle/index.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Database
  }
}

interface DatabaseOptions {
  /** A URL, or a host's handle. */
  source: string | HostDatabase
}

/** Opens the database, and closes it when the app closes, unless it is the host's. */
async function database(app: FastifyInstance, { source }: DatabaseOptions): Promise<void> {
  const opened = await openDatabase(source, (cause) => app.problem('database_unavailable', { cause }))
  if (!opened.isDurable) {
    app.log.warn(
      'the host’s database may lose what Postern has acknowledged in a power cut: set PRAGMA synchronous = FULL',
    )
  }
  app.decorate('database', opened)
  app.addHook('onClose', () => opened.close())
}

export default fp(database, { name: 'postern-database', dependencies: ['postern-errors'] })
