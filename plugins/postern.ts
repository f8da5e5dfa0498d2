import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Postern, for the code of its host. */
export interface Postern {
  /** Resolves when the database answers. */
  ping(): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    postern: Postern
  }
}

/** Gathers what a host's code may call. */
async function postern(app: FastifyInstance): Promise<void> {
  const { database } = app
  app.decorate('postern', { ping: database.ping })
}

export default fp(postern, { name: 'postern-service', dependencies: ['postern-database'] })
