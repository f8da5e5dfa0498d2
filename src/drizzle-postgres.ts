import { createPostgresTables } from '../drizzle/postgres/schema.ts'
import { POSTGRES_SCHEMA } from '../drizzle/server-settings.ts'

export {
  createPostgresTables as createTables,
  type PostgresTables as Tables,
} from '../drizzle/postgres/schema.ts'

const tables = createPostgresTables(POSTGRES_SCHEMA)

/** The users, in the default schema: `postern.users`. */
export const users = tables.users

/** The tokens that were revoked before they expired: `postern.blacklisted_tokens`. */
export const blacklistedTokens = tables.blacklistedTokens

/** The keys that sign and verify tokens: `postern.signing_keys`. */
export const signingKeys = tables.signingKeys

/** The clients that may introspect and revoke tokens: `postern.clients`. */
export const clients = tables.clients
