import SqliteDriver from 'better-sqlite3'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { PosternOptions } from '../../src/index.ts'
import { createHost, InvalidOptionsError, OptionsSchema, postern } from './host.ts'

const SECRET = 'a secret of the host’s own, which is long'

/** The errors of registering with options, which a host app in JavaScript may get wrong in every way. */
async function faultsOf(t: Test, options: Record<string, unknown>): Promise<string[]> {
  const host = createHost(t)
  try {
    await host.register(postern, options as PosternOptions)
    return []
  } catch (error) {
    t.type(error, InvalidOptionsError)
    return (error as Error).message.split('\n')
  }
}

/** Options with one mistake each, and the start of the message about it. */
const mistakes: [Record<string, unknown>, string][] = [
  [{ bcryptCost: 9 }, 'bcryptCost must be a whole number from 10 to 15'],
  [{ bcryptCost: '10' }, 'bcryptCost must be a whole number from 10 to 15'],
  [{ passwordMinLength: 7 }, 'passwordMinLength must be a whole number'],
  [{ accessTokenExpireMinutes: 0.5 }, 'accessTokenExpireMinutes must be a whole number of minutes'],
  [{ keyRotationDays: 0 }, 'keyRotationDays must be a whole number of days'],
  [{ algorithm: 'none' }, 'algorithm must be one of ES256'],
  [{ issuer: '' }, 'issuer must be a text'],
  [{ audience: ['a'] }, 'audience must be a text'],
  [{ secretKey: 'short' }, 'secretKey must be a text of 32 bytes or more'],
  [{ databaseUrl: 'mysql://db/postern' }, 'databaseUrl must be'],
  [{ databaseUrl: null }, 'databaseUrl must be'],
  [{ databaseUrl: 'postgres://ada@db/postern' }, 'SECRET_KEY (secretKey) must be set with PostgreSQL'],
  [{ databaseSchema: 'Auth' }, 'databaseSchema must be lower-case letters, digits and underscores'],
  [{ databasePoolSize: 0 }, 'databasePoolSize must be a whole number from 1 to 1000'],
  [{ databaseLockTimeoutMs: '1s' }, 'databaseLockTimeoutMs must be a whole number of milliseconds'],
  [{ database: '/var/lib/host.db', secretKey: SECRET }, 'database must be a handle opened by better-sqlite3'],
  [{ database: null, secretKey: SECRET }, 'database must be a handle opened by better-sqlite3'],
  [{ tablePrefix: 'auth_' }, 'tablePrefix and migrate must come with database'],
  [{ migrate: false }, 'tablePrefix and migrate must come with database'],
  [{ prefix: 7 }, 'prefix must be a path'],
  [{ prefix: 'auth' }, 'prefix must be a path'],
  [{ prefix: '/auth/' }, 'prefix must be a path'],
  [{ bcryptcost: 10 }, 'bcryptcost is not a setting'],
  [{ BCRYPT_COST: '10' }, 'BCRYPT_COST is not a setting'],
  [{ port: 3000 }, 'port is not a setting'],
  [{ beforeRegister: true }, 'beforeRegister must be a function'],
  [{ onRegistered: 'log' }, 'onRegistered must be a function'],
  [{ beforeLogin: {} }, 'beforeLogin must be a function'],
  [{ onLoggedIn: [] }, 'onLoggedIn must be a function'],
  [{ onLoginFailed: null }, 'onLoginFailed must be a function'],
  [{ onLoggedOut: 1 }, 'onLoggedOut must be a function'],
  [{ onLogin: () => {} }, 'onLogin is not a setting'],
]

for (const [options, message] of mistakes) {
  t.test(`refuses ${JSON.stringify(options)} by name`, async (t) => {
    const [fault = '', ...others] = await faultsOf(t, options)
    t.ok(fault.startsWith(message), fault)
    t.same(others, [])
    t.notMatch(fault, SECRET)
  })
}

t.test('refuses an unsuitable database', async (t) => {
  const memory = new SqliteDriver(':memory:')
  const file = new SqliteDriver(`${t.testdir()}/host.db`)
  t.teardown(() => [memory, file].map((handle) => handle.close()))

  t.same(await faultsOf(t, { database: memory, databaseUrl: 'postern.db', secretKey: SECRET }), [
    'database and databaseUrl must not come together',
  ])
  t.match(await faultsOf(t, { database: file }), [/^secretKey must be set with database: /])
  for (const tablePrefix of ['', '1st_', 'a b', 'x"; drop table users; --', 7]) {
    t.match(await faultsOf(t, { database: memory, tablePrefix }), [/^tablePrefix must be/], `${tablePrefix}`)
  }
  t.match(await faultsOf(t, { database: memory, migrate: 'yes' }), ['migrate must be true or false'])
})

t.test('refuses an unsuitable pool of PostgreSQL', async (t) => {
  // Neither connects before it is used.
  const database = new pg.Pool()
  const client = new pg.Client()

  t.same(await faultsOf(t, { database, databaseUrl: 'postern.db', secretKey: SECRET }), [
    'database and databaseUrl must not come together',
  ])
  t.match(await faultsOf(t, { database }), [/^secretKey must be set with database: /])
  t.same(await faultsOf(t, { database, secretKey: SECRET, tablePrefix: 'auth_' }), [
    'tablePrefix must come with SQLite; PostgreSQL has databaseSchema',
  ])
  t.match(await faultsOf(t, { database, secretKey: SECRET, databaseSchema: 'a b' }), [/^databaseSchema must/])
  for (const name of ['databasePoolSize', 'databaseStatementTimeoutMs']) {
    t.same(await faultsOf(t, { database, secretKey: SECRET, [name]: 1000 }), [
      `${name} must come with databaseUrl`,
    ])
  }
  t.match(await faultsOf(t, { database: client, secretKey: SECRET }), [
    /^database must be a handle opened by better-sqlite3, or a Pool of pg$/,
  ])
  const handle = new SqliteDriver(':memory:')
  t.teardown(() => handle.close())
  t.same(await faultsOf(t, { database: handle, databaseSchema: 'auth' }), [
    'databaseSchema must come with PostgreSQL; SQLite has tablePrefix',
  ])
})

t.test('reports all mistakes together, without the values', async (t) => {
  const options = { secretKey: 'hunter2', bcryptCost: 99, nonsense: 1, onLoggedIn: 'x', tablePrefix: 'y' }

  const faults = await faultsOf(t, options)

  const names = faults.map((fault) => fault.split(' ')[0]).sort()
  t.same(names, ['bcryptCost', 'nonsense', 'onLoggedIn', 'secretKey', 'tablePrefix'])
  t.notMatch(faults.join(), 'hunter2')
})

t.test('treats an undefined option as a missing one', async (t) => {
  t.same(
    await faultsOf(t, {
      prefix: undefined,
      secretKey: undefined,
      database: undefined,
      onLoggedIn: undefined,
    }),
    [],
  )
})

t.test('does not change the host’s options object', async (t) => {
  const options: PosternOptions = Object.freeze({ bcryptCost: 10, prefix: '/auth' })
  await createHost(t).register(postern, options)
  t.same(options, { bcryptCost: 10, prefix: '/auth' })
})

t.test('has a schema that a host can extend', async (t) => {
  t.same(Object.keys(OptionsSchema.properties).includes('bcryptCost'), true)
})
