import type { SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import type { Transact } from '../transactions.ts'
import { auditEvents } from './audit-events.ts'
import { blacklistedTokens } from './blacklisted-tokens.ts'
import { clients } from './clients.ts'
import { signingKeys } from './signing-keys.ts'
import { users } from './users.ts'

/**
 * Every query of Postern, each once and each atomic, so that no caller needs a transaction. Hot ones are prepared: building a Drizzle
 * query costs twenty times what running it does.
 *
 * @param db an opened database
 * @param tables its tables
 * @param transact how it runs a transaction
 */
export function createRepositories(db: SqliteDatabase, tables: Tables, transact: Transact) {
  return {
    users: users(db, tables, transact),
    blacklistedTokens: blacklistedTokens(db, tables, transact),
    signingKeys: signingKeys(db, tables, transact),
    clients: clients(db, tables, transact),
    auditEvents: auditEvents(db, tables, transact),
  }
}

/** The queries of an opened database. */
export type Repositories = ReturnType<typeof createRepositories>
