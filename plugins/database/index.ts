import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Database, type HostDatabase, openDatabase, type ServerSettings } from '../../drizzle/index.ts'
import { type QueryCounts, timeQueries } from './timed.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Database
    /** Only where somebody wants to know. */
    queryCounts?: QueryCounts
  }
}

interface DatabaseOptions {
  /** A URL, or a host's handle. */
  source: string | HostDatabase
  /** How a server is talked to. */
  server: ServerSettings
  /** Whether to time the queries. */
  isTimed: boolean
}

/** Opens the database, and closes it when the app closes, unless it is the host's. */
async function database(app: FastifyInstance, options: DatabaseOptions): Promise<void> {
  const { source, server, isTimed } = options
  const opened = await openDatabase(source, {
    ...server,
    writesApart: true,
    toError: (cause) => app.problem('database_unavailable', { cause }),
  })
  if (!opened.isDurable) {
    app.log.warn(
      'the database may lose what Postern has acknowledged in a power cut: set PRAGMA synchronous = FULL in SQLite, synchronous_commit = on in PostgreSQL',
    )
  }
  if (isTimed) {
    const { database, queries } = timeQueries(opened)
    app.decorate('database', database)
    app.decorate('queryCounts', queries)
  } else {
    app.decorate('database', opened)
  }
  app.addHook('onClose', () => opened.close())
}

export default fp(database, { name: 'postern-database', dependencies: ['postern-errors'] })
