import { POSTGRES_SCHEMA } from './host-database.ts'

/** How a server is talked to. Times are in milliseconds. */
export interface ServerSettings {
  /** The PostgreSQL schema of the tables. */
  schema: string
  /** Connections at most. */
  poolSize: number
  /** How long it may take to get a connection. */
  connectTimeout: number
  /** How long a statement may take. */
  statementTimeout: number
  /** How long a statement may wait for a lock. */
  lockTimeout: number
}

/** How a server is talked to, unless the settings say otherwise. */
export const SERVER_DEFAULTS: ServerSettings = {
  schema: POSTGRES_SCHEMA,
  poolSize: 10,
  connectTimeout: 2000,
  statementTimeout: 3000,
  lockTimeout: 1000,
}
