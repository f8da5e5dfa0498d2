import { index, integer, sqliteTable, text } from '../drizzle-orm.ts'

/** An instant, kept as milliseconds since the epoch. */
const instant = (name: string) => integer(name, { mode: 'timestamp_ms' })

/**
 * Postern's tables.
 *
 * @param prefix stands before each name, where the tables share a database with a host's
 */
export function createTables<Prefix extends string>(prefix: Prefix) {
  const name = <Name extends string>(table: Name) => `${prefix}${table}` as const

  /** The accounts. */
  const users = sqliteTable(name('users'), {
    /** A UUID (RFC 9562), of version 7 unless it was imported: never another user's, so a token of a deleted one can never become his. */
    id: text('id').primaryKey(),
    /** Normalised by `plugins/accounts/email.ts` before it comes here. */
    email: text('email').notNull().unique(name('users_email_unique')),
    name: text('name'),
    /** A modular-crypt bcrypt string: `$2a$`, `$2b$` or `$2y$`. */
    hashedPassword: text('hashed_password').notNull(),
    createdAt: instant('created_at').notNull(),
    disabledAt: instant('disabled_at'),
    /** Raised to refuse every token issued so far; a token carries the value of its day in `ver`. */
    tokenVersion: integer('token_version').notNull().default(0),
  })

  /**
   * Tokens revoked before their time, by `jti`. No foreign key on `user_id`: recording a revocation must not fail because
   * the account has gone meanwhile, and the row goes by itself once the token has expired.
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

  /** The keys that sign tokens, and those that still verify them. */
  const signingKeys = sqliteTable(name('signing_keys'), {
    kid: text('kid').primaryKey(),
    /** JWA name (RFC 7518 section 3.1). */
    algorithm: text('algorithm').notNull(),
    /**
     * The `kid` of the key that this one follows, or the algorithm's name for its first key. Unique, so that however many
     * processes start or rotate at once, one of them makes the next key and the others find it.
     */
    predecessor: text('predecessor').notNull().unique(name('signing_keys_predecessor_unique')),
    /** SPKI in PEM; null for a symmetric key. */
    publicKey: text('public_key'),
    /** PKCS #8 in PEM, or the symmetric key, sealed with SECRET_KEY. */
    sealedPrivateKey: text('sealed_private_key').notNull(),
    /** The longest lifetime, in seconds, of any token that this key has signed: how long it must outlive its last signature. */
    maxTokenLifetime: integer('max_token_lifetime').notNull(),
    createdAt: instant('created_at').notNull(),
    activatesAt: instant('activates_at').notNull(),
    /** From then on no token of this key is accepted; null while there is no successor. */
    retiresAt: instant('retires_at'),
  })

  /** Who may introspect and revoke tokens (RFC 6749 section 2). */
  const clients = sqliteTable(name('clients'), {
    /** The `client_id`. */
    id: text('id').primaryKey(),
    name: text('name').notNull().unique(name('clients_name_unique')),
    /** SHA-256 of the secret, in hex. The secret is random and long, so a slow hash would protect nothing. */
    hashedSecret: text('hashed_secret').notNull(),
    createdAt: instant('created_at').notNull(),
  })

  /** Who did what, for as long as AUDIT_RETENTION_DAYS says. No foreign key: what happened stays, also when the account goes. */
  const auditEvents = sqliteTable(
    name('audit_events'),
    {
      /** UUIDv7. */
      id: text('id').primaryKey(),
      /** A name of the OWASP logging vocabulary. */
      event: text('event').notNull(),
      /** What it was exactly, where the event alone does not say. */
      reason: text('reason'),
      /** The account that it is about; null where there is none, or none is known. */
      userId: text('user_id'),
      /** The `jti`, `kid` or `client_id` that it is about. */
      target: text('target'),
      /** The user of the operating system who ran a command; null for what came by HTTP or by a host's code. */
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

  return { users, blacklistedTokens, signingKeys, clients, auditEvents }
}

/** Postern's tables, whatever stands before their names. */
export type Tables = ReturnType<typeof createTables>

/** The tables of a database of Postern's own, from which drizzle-kit makes the migrations. */
export const { users, blacklistedTokens, signingKeys, clients, auditEvents } = createTables('')
