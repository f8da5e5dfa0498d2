import { readdirSync } from 'node:fs'
import t from 'tap'
import { readConfig } from '../../src/settings/environment.ts'
import { runServer } from '../server-process.ts'

t.test('has a default for every setting but the secret and the age of keys', async (t) => {
  t.same(readConfig({}), {
    databaseUrl: './data/postern.db',
    databaseSchema: 'postern',
    databasePoolSize: 10,
    databaseConnectTimeoutMs: 2000,
    databaseStatementTimeoutMs: 3000,
    databaseLockTimeoutMs: 1000,
    registration: 'open',
    throttle: true,
    loginFailuresPerAccount: 100,
    loginFailuresPerAddress: 100,
    registrationsPerAddress: 30,
    clientFailuresPerAddress: 100,
    auditRetentionDays: 90,
    algorithm: 'ES256',
    accessTokenExpireMinutes: 15,
    issuer: 'postern',
    audience: 'postern',
    bcryptCost: 12,
    passwordMinLength: 8,
    host: '127.0.0.1',
    port: 3000,
    trustProxy: [],
    logLevel: 'info',
    corsOrigin: [],
    docs: true,
    shutdownDelaySeconds: 0,
  })
})

t.test('reads numbers and lists from text', async (t) => {
  t.match(
    readConfig({
      PORT: '8080',
      ACCESS_TOKEN_EXPIRE_MINUTES: '525600',
      TRUST_PROXY: '127.0.0.1, 10.0.0.0/8,::1',
      CORS_ORIGIN: 'https://app.example.com,http://localhost:5173',
    }),
    {
      port: 8080,
      accessTokenExpireMinutes: 525_600,
      trustProxy: ['127.0.0.1', '10.0.0.0/8', '::1'],
      corsOrigin: ['https://app.example.com', 'http://localhost:5173'],
    },
  )
})

t.test('accepts any path, file: URL or :memory: for the database', async (t) => {
  for (const url of [
    ':memory:',
    'postern.db',
    '/var/lib/my users.db',
    'file:///var/lib/postern.db',
    'C:\\a.db',
  ]) {
    t.equal(readConfig({ DATABASE_URL: url }).databaseUrl, url)
  }
})

t.test('reports all invalid settings together, with their names and valid values', async (t) => {
  const cwd = t.testdir()
  const secrets = {
    SECRET_KEY: 'not-so-long-a-secret-key',
    DATABASE_URL: 'mysql://ada:hunter2@db/postern',
  }

  const { code, stdout, stderr } = await runServer(t, {
    cwd,
    env: {
      ...secrets,
      ALGORITHM: 'none',
      ACCESS_TOKEN_EXPIRE_MINUTES: '0',
      ISSUER: '',
      AUDIENCE: '',
      BCRYPT_COST: '9',
      PASSWORD_MIN_LENGTH: '7',
      HOST: '',
      PORT: '3000.5',
      TRUST_PROXY: 'everybody',
      LOG_LEVEL: 'loud',
      CORS_ORIGIN: 'https://app.example.com/page',
    },
  })

  t.equal(code, 1)
  t.equal(stdout, '')
  t.same(stderr.trim().split('\n').sort(), [
    'ACCESS_TOKEN_EXPIRE_MINUTES must be a whole number of minutes from 1 to 525600',
    'ALGORITHM must be one of ES256, EdDSA, RS256, HS256',
    'AUDIENCE must be a text',
    'BCRYPT_COST must be a whole number from 10 to 15',
    'CORS_ORIGIN must be origins, separated by commas, as in https://app.example.com, or * for all',
    'DATABASE_URL must be a path to a SQLite file, a file: URL, :memory:, or a URL as in ' +
      'postgres://user:password@host:5432/database, special characters percent-encoded',
    'HOST must be an address or a host name',
    'ISSUER must be a text',
    'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent',
    'PASSWORD_MIN_LENGTH must be a whole number from 8 to 64',
    'PORT must be a whole number from 0 to 65535',
    'Postern could not start.',
    'SECRET_KEY must be a text of 32 bytes or more',
    'TRUST_PROXY must be addresses or networks, separated by commas, as in 127.0.0.1,10.0.0.0/8',
  ])
  t.notMatch(stderr, secrets.SECRET_KEY)
  t.notMatch(stderr, 'hunter2')
  t.same(readdirSync(cwd), [], 'nothing is created')
})

t.test('refuses invalid values', async (t) => {
  const invalid: Record<string, string[]> = {
    PORT: ['', 'http', '-1', '65536', '1e9', 'NaN', '0x10000'],
    METRICS_PORT: ['', 'http', '-1', '65536', '9464.5', '3000'],
    METRICS_HOST: [''],
    BCRYPT_COST: ['16', '12.5', 'twelve'],
    PASSWORD_MIN_LENGTH: ['65', 'true'],
    ACCESS_TOKEN_EXPIRE_MINUTES: ['-15', '525601', '15m', 'Infinity'],
    KEY_ROTATION_DAYS: ['0', '3651', ''],
    ALGORITHM: ['', 'es256', 'HS512', 'none'],
    LOG_LEVEL: ['', 'INFO'],
    SECRET_KEY: ['', 'x'.repeat(31), 'ü'.repeat(15)],
    TRUST_PROXY: ['true', '1', '*', '10.0.0.0/33', '127.0.0.1,'],
    CORS_ORIGIN: ['true', 'app.example.com', 'https://app.example.com/', 'https://*.example.com'],
    SHUTDOWN_DELAY_SECONDS: ['', '-1', '301', '5s'],
    DATABASE_URL: ['', 'mysql://db/postern', 'file:postern.db', 'sqlite://postern.db'],
  }
  for (const [name, values] of Object.entries(invalid)) {
    for (const value of values) {
      t.throws(
        () => readConfig({ [name]: value }),
        { name: 'InvalidOptionsError', message: name },
        `${name}=${value}`,
      )
    }
  }
})

t.test('measures the length of the secret in bytes', async (t) => {
  t.equal(readConfig({ SECRET_KEY: 'ü'.repeat(16) }).secretKey, 'ü'.repeat(16))
})

t.test('refuses PostgreSQL without a secret, and does not show the password', async (t) => {
  const env = { DATABASE_URL: 'postgres://ada:hunter2@db.example.com/postern' }

  const { code, stderr } = await runServer(t, { cwd: t.testdir(), env })

  t.equal(code, 1)
  t.match(stderr, /^Postern could not start\.\nSECRET_KEY .*must be set.*\n$/)
  t.notMatch(stderr, 'hunter2')
})
