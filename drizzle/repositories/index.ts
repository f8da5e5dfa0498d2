import type { Connection } from '../connection.ts'
import type { Tables } from '../sqlite/schema.ts'
import { auditEvents } from './audit-events.ts'
import { blacklistedTokens } from './blacklisted-tokens.ts'
import { clients } from './clients.ts'
import { deletedUsers } from './deleted-users.ts'
import { knownAddresses } from './known-addresses.ts'
import type { Repository } from './repository.ts'
import { signingKeys } from './signing-keys.ts'
import { users } from './users.ts'

/**
 * The queries of each table. `postern copy` fills the tables in this order. A service that starts on half a copy must
 * not accept a revoked token, so revocations and deleted users come first. Without signing keys it accepts no token, so
 * they come last.
 */
const REPOSITORIES = {
  blacklistedTokens,
  deletedUsers,
  users,
  clients,
  knownAddresses,
  auditEvents,
  signingKeys,
} satisfies Record<keyof Tables, Repository>

/** The queries of an opened database. */
export type Repositories = {
  [Name in keyof typeof REPOSITORIES]: ReturnType<(typeof REPOSITORIES)[Name]['reads']> &
    ReturnType<(typeof REPOSITORIES)[Name]['writes']>
}

/**
 * Creates every query of Postern. Each is atomic, so that no caller needs a transaction. Hot ones are prepared:
 * building a query with Drizzle costs twenty times what running it does.
 *
 * @param connection an opened database. If it has a writer thread, all writes run there
 */
export function createRepositories(
  connection: Pick<Connection, 'db' | 'tables' | 'transact' | 'clock' | 'writer'>,
): Repositories {
  const { db, tables, transact, clock, writer } = connection
  const repositories = Object.entries<Repository>(REPOSITORIES).map(([name, repository]) => {
    const writes = repository.writes(db, tables, transact, clock)
    return [name, { ...repository.reads(db, tables), ...(writer?.move(name, writes) ?? writes) }]
  })
  return Object.fromEntries(repositories) as Repositories
}
