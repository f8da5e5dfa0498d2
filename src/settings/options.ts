import { type Static, type TObject, Type } from '@sinclair/typebox'
import { Ajv, type ErrorObject } from 'ajv'
import { SERVER_DEFAULTS, type ServerSettings } from '../../drizzle/server-settings.ts'
import { databasePath } from '../../drizzle/url.ts'
import { ALGORITHMS } from '../../plugins/signing-keys/jwt.ts'

/** Bytes that SECRET_KEY must have at least: as many as HS256's digest (RFC 7518 section 3.2). */
const SECRET_KEY_MIN_BYTES = 32

/** A setting that is a time. */
function milliseconds(standard: number) {
  return Type.Integer({
    minimum: 100,
    maximum: 60_000,
    default: standard,
    description: 'a whole number of milliseconds from 100 to 60000',
  })
}

/** A setting of throttling. */
function limit(standard: number) {
  return Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: standard,
    description: 'a whole number from 1 to 1000000',
  })
}

/**
 * The settings of the plugin, for a host's options and for the environment alike. Each description says what the setting
 * takes, and completes an error message's "… must be".
 */
export const OptionsSchema = Type.Object(
  {
    /** Where accounts and revoked tokens are kept. */
    databaseUrl: Type.String({
      format: 'database',
      default: ':memory:',
      description:
        'a path to a SQLite file, a file: URL, :memory:, or a URL as in postgres://user:password@host:5432/database, special characters percent-encoded',
    }),
    /** In PostgreSQL: the schema of Postern's tables, made where there is none. */
    databaseSchema: Type.String({
      pattern: '^[a-z_][a-z0-9_]{0,62}$',
      default: SERVER_DEFAULTS.schema,
      description: 'lower-case letters, digits and underscores, not beginning with a digit',
    }),
    /** In PostgreSQL: the connections of one process, at most. */
    databasePoolSize: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: SERVER_DEFAULTS.poolSize,
      description: 'a whole number from 1 to 1000',
    }),
    /** In PostgreSQL: how long it may take to get a connection. */
    databaseConnectTimeoutMs: milliseconds(SERVER_DEFAULTS.connectTimeout),
    /** In PostgreSQL: how long a statement may take. */
    databaseStatementTimeoutMs: milliseconds(SERVER_DEFAULTS.statementTimeout),
    /** In PostgreSQL: how long a statement may wait for a lock. */
    databaseLockTimeoutMs: milliseconds(SERVER_DEFAULTS.lockTimeout),
    /** Signs HS256 tokens and seals the stored private keys. Without one, a file beside the database holds one. */
    secretKey: Type.Optional(
      Type.String({ format: 'secret', description: `a text of ${SECRET_KEY_MIN_BYTES} bytes or more` }),
    ),
    /** How tokens are signed. */
    algorithm: Type.Union(
      ALGORITHMS.map((name) => Type.Literal(name)),
      { default: 'ES256', description: `one of ${ALGORITHMS.join(', ')}` },
    ),
    /** How long an access token lives. */
    accessTokenExpireMinutes: Type.Integer({
      minimum: 1,
      maximum: 525_600,
      default: 15,
      description: 'a whole number of minutes from 1 to 525600',
    }),
    /** The age at which the signing key is replaced; without it, only `postern keys rotate` does so. */
    keyRotationDays: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 3650, description: 'a whole number of days from 1 to 3650' }),
    ),
    /** The claim `iss` of tokens. */
    issuer: Type.String({ minLength: 1, default: 'postern', description: 'a text' }),
    /** The claim `aud` of tokens. */
    audience: Type.String({ minLength: 1, default: 'postern', description: 'a text' }),
    /** The binary logarithm of bcrypt's rounds. */
    bcryptCost: Type.Integer({
      minimum: 10,
      maximum: 15,
      default: 12,
      description: 'a whole number from 10 to 15',
    }),
    /** Characters that a new password must have. */
    passwordMinLength: Type.Integer({
      minimum: 8,
      maximum: 64,
      default: 8,
      description: 'a whole number from 8 to 64',
    }),
    /** Whether logins, registrations and the credentials of clients are throttled. */
    throttle: Type.Boolean({ default: true, description: 'true or false' }),
    /** Wrong passwords for one account from addresses that it has not logged in from lately, in a day. */
    loginFailuresPerAccount: limit(100),
    /** Wrong passwords from one address, in a day. */
    loginFailuresPerAddress: limit(100),
    /** Registrations from one address, in an hour. */
    registrationsPerAddress: limit(30),
    /** Wrong credentials of clients from one address, in an hour. */
    clientFailuresPerAddress: limit(100),
    /** How long the audit trail is kept. */
    auditRetentionDays: Type.Integer({
      minimum: 1,
      maximum: 3650,
      default: 90,
      description: 'a whole number of days from 1 to 3650',
    }),
  },
  { additionalProperties: false },
)

/** The settings of the plugin, complete. */
export type Options = Static<typeof OptionsSchema>

/** How the settings have a PostgreSQL server talked to. */
export function serverSettings(options: Options): ServerSettings {
  return {
    schema: options.databaseSchema,
    poolSize: options.databasePoolSize,
    connectTimeout: options.databaseConnectTimeoutMs,
    statementTimeout: options.databaseStatementTimeoutMs,
    lockTimeout: options.databaseLockTimeoutMs,
  }
}

/** Some settings are not what they must be: the message has a line for each. */
export class InvalidOptionsError extends Error {
  override readonly name = 'InvalidOptionsError'
}

/** Whether a text is long enough to be SECRET_KEY. */
export function isSecretKey(text: string): boolean {
  return Buffer.byteLength(text) >= SECRET_KEY_MIN_BYTES
}

const formats: Record<string, (value: string) => boolean> = {
  secret: isSecretKey,
  database: (value) => value !== '' && succeeds(() => databasePath(value)),
}

/**
 * Checks settings against their schema, all of them at once, and adds the defaults.
 *
 * @param nameOf what a setting is called where it comes from
 * @param moreFormats checks that the schema's own formats name
 * @throws InvalidOptionsError; it repeats no value, since one may be a secret
 */
export function parse<S extends TObject>(
  schema: S,
  values: Record<string, unknown>,
  nameOf = (option: string) => option,
  moreFormats: typeof formats = {},
): Static<S> {
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    // The schemas are our own: to compile what checks a schema takes longer than all else here.
    validateSchema: false,
    formats: { ...formats, ...moreFormats },
  })
  const settings = { ...values }
  const validate = ajv.compile(schema)
  if (validate(settings)) return settings as Static<S>
  const faults = (validate.errors ?? []).map((error) => describe(error, schema, nameOf))
  throw new InvalidOptionsError([...new Set(faults)].join('\n'))
}

function describe(error: ErrorObject, schema: TObject, nameOf: (option: string) => string): string {
  if (error.keyword === 'additionalProperties') {
    return `${nameOf(error.params['additionalProperty'])} is not a setting`
  }
  const option = error.instancePath.split('/')[1] ?? ''
  return `${nameOf(option)} must be ${schema.properties[option]?.description ?? 'something else'}`
}

/** Whether a function returns instead of throwing. */
export function succeeds(action: () => unknown): boolean {
  try {
    action()
    return true
  } catch {
    return false
  }
}
