/** The default schema of Postern's tables in PostgreSQL. */
export const POSTGRES_SCHEMA = 'postern'

/** The settings of a PostgreSQL server, by the names of Postern's options. */
export interface ServerSettings {
  /** The schema of the tables. */
  databaseSchema: string
  /** The most connections. */
  databasePoolSize: number
  /** How long to wait for a connection. */
  databaseConnectTimeoutMs: number
  /** How long a statement may take. */
  databaseStatementTimeoutMs: number
  /** How long a statement may wait for a lock. */
  databaseLockTimeoutMs: number
}

export const SERVER_DEFAULTS: ServerSettings = {
  databaseSchema: POSTGRES_SCHEMA,
  databasePoolSize: 10,
  databaseConnectTimeoutMs: 2000,
  databaseStatementTimeoutMs: 3000,
  databaseLockTimeoutMs: 1000,
}
