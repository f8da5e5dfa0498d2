import { HOST_TABLE_PREFIX } from '../drizzle/host-database.ts'
import { createTables } from '../drizzle/sqlite/schema.ts'

export { createTables, type Tables } from '../drizzle/sqlite/schema.ts'

const tables = createTables(HOST_TABLE_PREFIX)

/** The accounts, as they stand in a host's database: `postern_users`. */
export const users = tables.users

/** The tokens revoked before their time, as they stand in a host's database: `postern_blacklisted_tokens`. */
export const blacklistedTokens = tables.blacklistedTokens

/** The keys of tokens, as they stand in a host's database: `postern_signing_keys`. */
export const signingKeys = tables.signingKeys

/** The machines that may introspect and revoke tokens, as they stand in a host's database: `postern_clients`. */
export const clients = tables.clients
