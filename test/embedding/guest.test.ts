import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { ada, bearer, collectLog, createToken, post } from '../helper.ts'
import { createHost, createHostWithPostern, PLUGIN } from './host.ts'

const FASTIFY = import.meta.resolve('fastify')

/** Settings of the standalone server that would have a visible effect if they were read. */
const NONSENSE = {
  SECRET_KEY: 'short',
  PORT: 'nonsense',
  NODE_ENV: 'nonsense',
  DATABASE_URL: './not-here/postern.db',
  ALGORITHM: 'none',
  BCRYPT_COST: '99',
  LOG_LEVEL: 'loud',
  ISSUER: '',
}

/** Runs a host app in its own process, in a directory that has only `files`. @returns what it prints */
async function runHost(
  t: Test,
  body: string,
  env = {},
): Promise<{ cwd: string; printed: unknown; stderr: string }> {
  const cwd = t.testdir()
  const script = `
    import fastify from ${JSON.stringify(FASTIFY)}
    import postern from ${JSON.stringify(PLUGIN)}
    const print = (value) => console.log(JSON.stringify(value))
    const user = ${JSON.stringify(ada)}
    ${body}`
  const run = promisify(execFile)
  const args = ['--input-type=module', '--eval', script]
  const { stdout, stderr } = await run(process.execPath, args, { cwd, env: { ...env } })
  return { cwd, printed: JSON.parse(stdout), stderr }
}

t.test('reads no environment variable and no .env', async (t) => {
  const { printed, stderr } = await runHost(
    t,
    `const asked = new Set()
    process.env = new Proxy(process.env, { get: (env, name) => (asked.add(name), env[name]) })
    const host = fastify()
    await host.register(postern, { bcryptCost: 10 })
    await host.postern.register(user)
    const { accessToken } = await host.postern.login(user)
    const [header, claims] = accessToken.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    await host.close()
    const read = [...asked].filter((name) => name in ${JSON.stringify(NONSENSE)})
    print({ alg: JSON.parse(header).alg, iss: JSON.parse(claims).iss, asked: read })`,
    NONSENSE,
  )

  t.strictSame(printed, { alg: 'ES256', iss: 'postern', asked: [] })
  t.equal(stderr, '')
})

t.test('writes no file, adds no listener to the process and prints nothing', async (t) => {
  const { cwd, printed, stderr } = await runHost(
    t,
    `const names = () => process.eventNames()
    const count = () => Object.fromEntries(names().map((name) => [String(name), process.listenerCount(name)]))
    const before = count()
    const host = fastify()
    await host.register(postern, { bcryptCost: 10 })
    await host.ready()
    await host.postern.register(user)
    await host.postern.login(user)
    const running = count()
    await host.close()
    print({ before, running, after: count() })`,
  )

  const { before, running, after } = printed as Record<string, object>
  t.same(running, before)
  t.same(after, before)
  t.same(readdirSync(cwd), [])
  t.equal(stderr, '')
})

t.test('does not keep the process alive', async (t) => {
  const { printed } = await runHost(
    t,
    `const host = fastify()
    await host.register(postern, { bcryptCost: 10 })
    await host.ready()
    process.on('exit', () => print('ended without being closed'))`,
  )

  t.equal(printed, 'ended without being closed')
})

t.test('writes the database file of its option, and its secret beside it', async (t) => {
  const { cwd } = await runHost(
    t,
    `const host = fastify()
    await host.register(postern, { bcryptCost: 10, databaseUrl: 'accounts/postern.db' })
    await host.close()
    print(null)`,
  )

  t.same(readdirSync(cwd), ['accounts'])
  t.same(readdirSync(join(cwd, 'accounts')), ['postern.db', 'postern.db.secret'])
})

t.test('writes no secret if it has one', async (t) => {
  const databaseUrl = join(t.testdir(), 'postern.db')
  await createHostWithPostern(t, { databaseUrl, secretKey: 'a secret of the host’s own, which is long' })

  t.notOk(existsSync(`${databaseUrl}.secret`))
})

t.test('closes the database that it has opened', async (t) => {
  const databaseUrl = join(t.testdir(), 'postern.db')
  const host = await createHostWithPostern(t, { databaseUrl })
  await host.ready()
  t.ok(existsSync(`${databaseUrl}-wal`), 'while it is open')

  await host.close()

  t.notOk(existsSync(`${databaseUrl}-wal`))
  await t.rejects(host.postern.ping(), { code: 'database_unavailable', statusCode: 503 })
})

t.test('logs through the host’s logger, with the host’s request ids and without secrets', async (t) => {
  const log = collectLog()
  const options = { logger: { level: 'trace', stream: log.stream }, genReqId: () => 'id-of-the-host' }
  const host = await createHostWithPostern(
    t,
    {
      onLoggedIn: () => {
        throw new Error('the listener is broken')
      },
    },
    options,
  )
  const token = await createToken(host)
  await host.inject({ url: '/getUser', headers: bearer(token) })

  t.match(log.text(), '"hook":"onLoggedIn"')
  t.match(log.text(), '"reqId":"id-of-the-host"')
  t.notMatch(log.text(), ada.password)
  t.notMatch(log.text(), token)
})

t.test('can log less than the host', async (t) => {
  const log = collectLog()
  const host = await createHostWithPostern(
    t,
    { logLevel: 'silent' },
    { logger: { level: 'trace', stream: log.stream } },
  )

  await post(host, '/register', ada)

  t.notMatch(log.text(), '/register')
})

t.test('closes with a host that fails to start', async (t) => {
  const databaseUrl = join(t.testdir(), 'postern.db')
  const host = await createHostWithPostern(t, { databaseUrl })
  host.register(async () => {
    throw new Error('the host has a mistake')
  })

  await t.rejects(async () => await host.ready(), { message: 'the host has a mistake' })
  await host.close()

  t.notOk(existsSync(`${databaseUrl}-wal`))
})

t.test('hasPlugin distinguishes a host with Postern from one without', async (t) => {
  const host = createHost(t)
  t.notOk(host.hasPlugin('postern'))
  const other = await createHostWithPostern(t)
  t.ok(other.hasPlugin('postern'))
})
