import { createPostgresTables } from '../drizzle/postgres/schema.ts'
import { POSTGRES_SCHEMA } from '../drizzle/server-settings.ts'

export {
  createPostgresTables as createTables,
  type PostgresTables as Tables,
} from '../drizzle/postgres/schema.ts'

const tables = createPostgresTables(POSTGRES_SCHEMA)

/** The accounts, as they stand in PostgreSQL: `postern.users`. */
export const users = tables.users

/** The tokens revoked before their time, as they stand in PostgreSQL: `postern.blacklisted_tokens`. */
export const blacklistedTokens = tables.blacklistedTokens

/** The keys of tokens, as they stand in PostgreSQL: `postern.signing_keys`. */
export const signingKeys = tables.signingKeys

/** The machines that may introspect and revoke tokens, as they stand in PostgreSQL: `postern.clients`. */
export const clients = tables.clients
