import { type Static, Type } from '@sinclair/typebox'
import { SERVER_DEFAULTS } from '../../drizzle/server-settings.ts'
import { databasePath } from '../../drizzle/url.ts'
import type { Options } from '../../plugins/postern.ts'
import { ALGORITHMS } from '../../plugins/signing-keys/algorithms.ts'
import { type Formats, succeeds } from './parse.ts'

/** The least length of SECRET_KEY in bytes: that of HS256's digest (RFC 7518 section 3.2). */
const SECRET_KEY_MIN_BYTES = 32

function milliseconds(value: number) {
  return Type.Integer({
    minimum: 100,
    maximum: 60_000,
    default: value,
    description: 'a whole number of milliseconds from 100 to 60000',
  })
}

function limit(value: number) {
  return Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: value,
    description: 'a whole number from 1 to 1000000',
  })
}

/**
 * The options of the plugin, for a host app and for the environment. What each means is said in `Options`; its
 * description here says what it takes, and completes the error message "… must be".
 */
export const OptionsSchema = Type.Object(
  {
    databaseUrl: Type.String({
      format: 'database',
      default: ':memory:',
      description:
        'a path to a SQLite file, a file: URL, :memory:, or a URL as in postgres://user:password@host:5432/database, ' +
        'special characters percent-encoded',
    }),
    databaseSchema: Type.String({
      pattern: '^[a-z_][a-z0-9_]{0,62}$',
      default: SERVER_DEFAULTS.databaseSchema,
      description: 'lower-case letters, digits and underscores, not beginning with a digit',
    }),
    databasePoolSize: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: SERVER_DEFAULTS.databasePoolSize,
      description: 'a whole number from 1 to 1000',
    }),
    databaseConnectTimeoutMs: milliseconds(SERVER_DEFAULTS.databaseConnectTimeoutMs),
    databaseStatementTimeoutMs: milliseconds(SERVER_DEFAULTS.databaseStatementTimeoutMs),
    databaseLockTimeoutMs: milliseconds(SERVER_DEFAULTS.databaseLockTimeoutMs),
    secretKey: Type.Optional(
      Type.String({ format: 'secret', description: `a text of ${SECRET_KEY_MIN_BYTES} bytes or more` }),
    ),
    algorithm: Type.Union(
      ALGORITHMS.map((name) => Type.Literal(name)),
      { default: 'ES256', description: `one of ${ALGORITHMS.join(', ')}` },
    ),
    accessTokenExpireMinutes: Type.Integer({
      minimum: 1,
      maximum: 525_600,
      default: 15,
      description: 'a whole number of minutes from 1 to 525600',
    }),
    keyRotationDays: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 3650, description: 'a whole number of days from 1 to 3650' }),
    ),
    issuer: Type.String({ minLength: 1, default: 'postern', description: 'a text' }),
    audience: Type.String({ minLength: 1, default: 'postern', description: 'a text' }),
    bcryptCost: Type.Integer({
      minimum: 10,
      maximum: 15,
      default: 12,
      description: 'a whole number from 10 to 15',
    }),
    passwordMinLength: Type.Integer({
      minimum: 8,
      maximum: 64,
      default: 8,
      description: 'a whole number from 8 to 64',
    }),
    registration: Type.Union([Type.Literal('open'), Type.Literal('closed')], {
      default: 'open',
      description: 'one of open, closed',
    }),
    throttle: Type.Boolean({ default: true, description: 'true or false' }),
    loginFailuresPerAccount: limit(100),
    loginFailuresPerAddress: limit(100),
    registrationsPerAddress: limit(30),
    clientFailuresPerAddress: limit(100),
    auditRetentionDays: Type.Integer({
      minimum: 1,
      maximum: 3650,
      default: 90,
      description: 'a whole number of days from 1 to 3650',
    }),
    corsOrigin: Type.Array(Type.String({ format: 'origin' }), {
      default: [],
      description: 'origins, separated by commas, as in https://app.example.com, or * for all',
    }),
  },
  { additionalProperties: false },
)

type Same<A, B> = [A, B] extends [B, A] ? true : false

/** Does not compile if the schema and `Options` differ. */
export const schemaAgrees: Same<Static<typeof OptionsSchema>, Options> = true

/** Whether a text is long enough for SECRET_KEY. */
export function isSecretKey(text: string): boolean {
  return Buffer.byteLength(text) >= SECRET_KEY_MIN_BYTES
}

/** The formats that the schema refers to. */
export const optionFormats: Formats = {
  secret: isSecretKey,
  database: (value) => value !== '' && succeeds(() => databasePath(value)),
  origin: (value) =>
    value === '*' || (!value.includes('*') && URL.canParse(value) && new URL(value).origin === value),
}
