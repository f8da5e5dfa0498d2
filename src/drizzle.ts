import { HOST_TABLE_PREFIX } from '../drizzle/host-database.ts'
import { createTables } from '../drizzle/sqlite/schema.ts'

export { createTables, type Tables } from '../drizzle/sqlite/schema.ts'

const tables = createTables(HOST_TABLE_PREFIX)

/** The users, with the default prefix: `postern_users`. */
export const users = tables.users

/** The tokens that were revoked before they expired: `postern_blacklisted_tokens`. */
export const blacklistedTokens = tables.blacklistedTokens

/** The keys that sign and verify tokens: `postern_signing_keys`. */
export const signingKeys = tables.signingKeys

/** The clients that may introspect and revoke tokens: `postern_clients`. */
export const clients = tables.clients
