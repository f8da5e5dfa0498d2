import { index, integer, pgSchema, pgTable, text, timestamp } from './orm.ts'

/** An instant, to the millisecond as in JavaScript. */
const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })

/**
 * Postern's tables in PostgreSQL. What each column means is said once, in `../sqlite/schema.ts`.
 *
 * @param schema the PostgreSQL schema that they stand in
 */
export function createPostgresTables(schema: string) {
  // Drizzle knows the schema `public` by no name.
  const table = (schema === 'public' ? pgTable : pgSchema(schema).table) as typeof pgTable

  const users = table('users', {
    id: text('id').primaryKey(),
    email: text('email').notNull().unique('users_email_unique'),
    name: text('name'),
    hashedPassword: text('hashed_password').notNull(),
    createdAt: instant('created_at').notNull(),
    disabledAt: instant('disabled_at'),
    tokenVersion: integer('token_version').notNull().default(0),
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

  return { users, blacklistedTokens, signingKeys, clients }
}

/** Postern's tables in PostgreSQL, whatever their schema. */
export type PostgresTables = ReturnType<typeof createPostgresTables>

/** The tables without a schema, from which drizzle-kit makes the migrations. */
export const { users, blacklistedTokens, signingKeys, clients } = createPostgresTables('public')
