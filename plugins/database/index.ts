import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Database, openDatabase } from '../../drizzle/index.ts'
import type { Settings } from '../postern.ts'
import { declarePoolMetrics } from './pool-metrics.ts'
import pruning from './pruning.ts'
import { timeQueries } from './timed.ts'

declare module 'fastify' {
  interface FastifyInstance {
    database: Database
  }
}

type DatabaseSettings = Pick<
  Settings,
  | 'database'
  | 'databaseSchema'
  | 'databasePoolSize'
  | 'databaseConnectTimeoutMs'
  | 'databaseStatementTimeoutMs'
  | 'databaseLockTimeoutMs'
  | 'auditRetentionDays'
>

/** Opens the database, and closes it with the app unless it is the host app's. */
async function database(app: FastifyInstance, settings: DatabaseSettings): Promise<void> {
  const opened = await openDatabase(settings.database, {
    ...settings,
    writerThread: true,
    toError: (cause) => app.problem('database_unavailable', { cause }),
  })
  if (!opened.isDurable) {
    app.log.warn(
      'the database may lose writes that Postern has confirmed in a power cut: ' +
        'set PRAGMA synchronous = FULL in SQLite, synchronous_commit = on in PostgreSQL',
    )
  }
  app.decorate('database', app.metrics.isEnabled ? timeQueries(opened, app.metrics) : opened)
  declarePoolMetrics(app.metrics, opened)
  app.addHook('onClose', () => opened.close())
  await app.register(pruning, settings)
}

export default fp(database, {
  name: 'postern-database',
  dependencies: ['postern-metrics', 'postern-problem'],
})
