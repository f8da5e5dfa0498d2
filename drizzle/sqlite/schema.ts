import type { SQLWrapper } from 'drizzle-orm'
import { index, integer, sql, sqliteTable, text } from '../drizzle-orm.ts'

/** A column with an instant, stored as milliseconds since 1970. */
const instant = (name: string) => integer(name, { mode: 'timestamp_ms' })

/** The cost of a bcrypt hash, as two digits. In these words, since the index serves no others. */
export function hashCost(hashedPassword: SQLWrapper) {
  return sql<string>`substr(${hashedPassword}, 5, 2)`
}

/**
 * Creates the definitions of Postern's tables.
 *
 * @param prefix the prefix of their names, if they are in a host app's database
 */
export function createTables<Prefix extends string>(prefix: Prefix) {
  const name = <Name extends string>(table: Name) => `${prefix}${table}` as const

  /** The users. */
  const users = sqliteTable(
    name('users'),
    {
      /** A UUID, of version 7 unless imported. Never reused: a deleted user's token must not be another's. */
      id: text('id').primaryKey(),
      /** Normalised by `plugins/accounts/email.ts`. */
      email: text('email').notNull().unique(name('users_email_unique')),
      name: text('name'),
      /** A modular-crypt bcrypt string: `$2a$`, `$2b$` or `$2y$`, the cost in two digits, and the rest. */
      hashedPassword: text('hashed_password').notNull(),
      createdAt: instant('created_at').notNull(),
      disabledAt: instant('disabled_at'),
      /** Raised to revoke every token issued so far. Tokens carry it in the claim `ver`. */
      tokenVersion: integer('token_version').notNull().default(0),
    },
    // Every login asks for the highest cost. drizzle-kit quotes the expression wrongly: correct it in the migration.
    (table) => [index(name('users_hash_cost_index')).on(hashCost(table.hashedPassword))],
  )

  /**
   * The ids of users who were deleted. It is kept when the audit trail is pruned: if such a user is imported again from
   * the application that had issued their tokens, these must stay refused.
   */
  const deletedUsers = sqliteTable(name('deleted_users'), {
    id: text('id').primaryKey(),
    deletedAt: instant('deleted_at').notNull(),
  })

  /**
   * The tokens that were revoked before they expired, by `jti`. No foreign key on `user_id`: a revocation must not fail
   * because the user was just deleted, and the row is pruned after the token expires.
   */
  const blacklistedTokens = sqliteTable(
    name('blacklisted_tokens'),
    {
      jti: text('jti').primaryKey(),
      userId: text('user_id').notNull(),
      expiresAt: instant('expires_at').notNull(),
      createdAt: instant('created_at').notNull(),
    },
    (table) => [index(name('blacklisted_tokens_expires_at_index')).on(table.expiresAt)],
  )

  /** The keys that sign and verify tokens. */
  const signingKeys = sqliteTable(name('signing_keys'), {
    kid: text('kid').primaryKey(),
    /** JWA name (RFC 7518 section 3.1). */
    algorithm: text('algorithm').notNull(),
    /**
     * The `kid` of the previous key, or the algorithm's name for its first key. Unique, so that if several processes
     * start or rotate at once, one of them creates the next key and the others find it.
     */
    predecessor: text('predecessor').notNull().unique(name('signing_keys_predecessor_unique')),
    /** SPKI in PEM; null for a symmetric key. */
    publicKey: text('public_key'),
    /** PKCS #8 in PEM, or the symmetric key, sealed with SECRET_KEY. */
    sealedPrivateKey: text('sealed_private_key').notNull(),
    /** The longest lifetime, in seconds, of a token that this key signed: it must verify that long after signing. */
    maxTokenLifetime: integer('max_token_lifetime').notNull(),
    createdAt: instant('created_at').notNull(),
    activatesAt: instant('activates_at').notNull(),
    /** When this key's tokens stop being valid; null while there is no successor. */
    retiresAt: instant('retires_at'),
  })

  /** The clients (RFC 6749 section 2) that may introspect and revoke tokens. */
  const clients = sqliteTable(name('clients'), {
    /** The `client_id`. */
    id: text('id').primaryKey(),
    name: text('name').notNull().unique(name('clients_name_unique')),
    /** SHA-256 of the secret, in hex. The secret is long and random, so a slow hash would add no protection. */
    hashedSecret: text('hashed_secret').notNull(),
    createdAt: instant('created_at').notNull(),
  })

  /** The addresses from which users have logged in lately. */
  const knownAddresses = sqliteTable(
    name('known_addresses'),
    {
      /** A digest of the address and the user, keyed with SECRET_KEY. */
      key: text('key').primaryKey(),
      expiresAt: instant('expires_at').notNull(),
    },
    (table) => [index(name('known_addresses_expires_at_index')).on(table.expiresAt)],
  )

  /** The audit trail, kept for AUDIT_RETENTION_DAYS. No foreign key: an event stays when its user is deleted. */
  const auditEvents = sqliteTable(
    name('audit_events'),
    {
      /** UUIDv7. */
      id: text('id').primaryKey(),
      /** A name of the OWASP logging vocabulary. */
      event: text('event').notNull(),
      /** Details, if the event alone is ambiguous. */
      reason: text('reason'),
      /** The user that it is about; null if there is none, or none is known. */
      userId: text('user_id'),
      /** The `jti`, `kid` or `client_id` that it is about. */
      target: text('target'),
      /** The operating system's user who ran a command; null if it came by HTTP or from a host app. */
      actor: text('actor'),
      /** The client's address. */
      address: text('address'),
      userAgent: text('user_agent'),
      requestId: text('request_id'),
      createdAt: instant('created_at').notNull(),
    },
    (table) => [
      index(name('audit_events_created_at_index')).on(table.createdAt),
      index(name('audit_events_user_id_index')).on(table.userId),
    ],
  )

  return { users, deletedUsers, blacklistedTokens, signingKeys, clients, knownAddresses, auditEvents }
}

/** Postern's tables, with any prefix. */
export type Tables = ReturnType<typeof createTables>

/** The tables without a prefix, from which drizzle-kit generates the migrations. */
export const { users, deletedUsers, blacklistedTokens, signingKeys, clients, knownAddresses, auditEvents } =
  createTables('')
