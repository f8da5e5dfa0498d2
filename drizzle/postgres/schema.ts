import { hashCost } from '../sqlite/schema.ts'
import { instant } from './instant.ts'
import { index, integer, PgSchema, pgTable, text } from './orm.ts'

/** Qualifies names with the schema, `public` too: the search path of a host app's connection may be any. */
function tableIn(schema: string | undefined) {
  return (schema === undefined ? pgTable : new PgSchema(schema).table) as typeof pgTable
}

/**
 * Creates the definitions of Postern's tables in PostgreSQL. `../sqlite/schema.ts` documents the columns.
 *
 * @param schema the PostgreSQL schema that they are in; undefined for unqualified names
 */
export function createPostgresTables(schema: string | undefined) {
  const table = tableIn(schema)

  const users = table(
    'users',
    {
      id: text('id').primaryKey(),
      email: text('email').notNull().unique('users_email_unique'),
      name: text('name'),
      hashedPassword: text('hashed_password').notNull(),
      createdAt: instant('created_at').notNull(),
      disabledAt: instant('disabled_at'),
      tokenVersion: integer('token_version').notNull().default(0),
    },
    (columns) => [index('users_hash_cost_index').on(hashCost(columns.hashedPassword))],
  )

  const deletedUsers = table('deleted_users', {
    id: text('id').primaryKey(),
    deletedAt: instant('deleted_at').notNull(),
  })

  const blacklistedTokens = table(
    'blacklisted_tokens',
    {
      jti: text('jti').primaryKey(),
      userId: text('user_id').notNull(),
      expiresAt: instant('expires_at').notNull(),
      createdAt: instant('created_at').notNull(),
    },
    (columns) => [index('blacklisted_tokens_expires_at_index').on(columns.expiresAt)],
  )

  const signingKeys = table('signing_keys', {
    kid: text('kid').primaryKey(),
    algorithm: text('algorithm').notNull(),
    predecessor: text('predecessor').notNull().unique('signing_keys_predecessor_unique'),
    publicKey: text('public_key'),
    sealedPrivateKey: text('sealed_private_key').notNull(),
    maxTokenLifetime: integer('max_token_lifetime').notNull(),
    createdAt: instant('created_at').notNull(),
    activatesAt: instant('activates_at').notNull(),
    retiresAt: instant('retires_at'),
  })

  const clients = table('clients', {
    id: text('id').primaryKey(),
    name: text('name').notNull().unique('clients_name_unique'),
    hashedSecret: text('hashed_secret').notNull(),
    createdAt: instant('created_at').notNull(),
  })

  const auditEvents = table(
    'audit_events',
    {
      id: text('id').primaryKey(),
      event: text('event').notNull(),
      reason: text('reason'),
      userId: text('user_id'),
      target: text('target'),
      actor: text('actor'),
      address: text('address'),
      userAgent: text('user_agent'),
      requestId: text('request_id'),
      createdAt: instant('created_at').notNull(),
    },
    (columns) => [
      index('audit_events_created_at_index').on(columns.createdAt),
      index('audit_events_user_id_index').on(columns.userId),
    ],
  )

  const knownAddresses = table(
    'known_addresses',
    {
      key: text('key').primaryKey(),
      expiresAt: instant('expires_at').notNull(),
    },
    (columns) => [index('known_addresses_expires_at_index').on(columns.expiresAt)],
  )

  return { users, deletedUsers, blacklistedTokens, signingKeys, clients, knownAddresses, auditEvents }
}

/** Postern's tables in PostgreSQL, in any schema. */
export type PostgresTables = ReturnType<typeof createPostgresTables>

/** The tables without a schema, from which drizzle-kit generates the migrations. */
export const { users, deletedUsers, blacklistedTokens, signingKeys, clients, knownAddresses, auditEvents } =
  createPostgresTables(undefined)

/**
 * Creates the definition of the table with the counts of rate limiters. It is separate from the others, since SQLite
 * has none. The migration makes it unlogged: after a crash nobody needs it, and no login waits for the disk.
 */
export function createRateLimitsTable(schema: string | undefined) {
  return tableIn(schema)(
    'rate_limits',
    {
      /** The limiter's name, and a digest of what it limits. */
      key: text('key').primaryKey(),
      points: integer('points').notNull(),
      expiresAt: instant('expires_at').notNull(),
      /** The end of the wait after the latest point; null if there is none. */
      waitsUntil: instant('waits_until'),
    },
    (columns) => [index('rate_limits_expires_at_index').on(columns.expiresAt)],
  )
}

/** The table without a schema, from which drizzle-kit generates the migrations. */
export const rateLimits = createRateLimitsTable(undefined)
