import t, { type Test } from 'tap'
import { DatabaseUnavailableError } from '../../drizzle/errors.ts'
import { postern } from '../cli.ts'
import { runServer } from '../server-process.ts'
import { startProxy, startSilence } from './proxy.ts'
import { connectOperator, createPostgres, SETTINGS } from './scene.ts'

const postgres = await createPostgres(t)

const { password } = new URL(postgres.url)

/** The same URL with another part. */
function vary(part: Partial<Pick<URL, 'port' | 'password' | 'pathname' | 'hostname'>>): string {
  return Object.assign(new URL(postgres.url), part).href
}

/** Asserts that the service and a command do not start, and that both say why in one line without the password. */
async function assertRefused(t: Test, url: string, reason: RegExp, before = () => {}): Promise<void> {
  const { host, pathname } = new URL(url)
  const options = { cwd: t.testdir(), env: { ...SETTINGS, DATABASE_URL: url } }
  for (const run of [() => runServer(t, options), () => postern(['keys', 'list'], options)]) {
    before()
    const { code, stdout, stderr } = await run()
    t.equal(code, 1)
    t.equal(stdout, '')
    const lines = stderr
      .trim()
      .split('\n')
      .filter((line) => line !== 'Postern could not start.')
    t.equal(lines.length, 1, stderr)
    t.match(lines[0], `The database of DATABASE_URL, ${host}${pathname}, is unavailable: `)
    t.match(lines[0], reason)
    t.notMatch(stderr, password)
    t.notMatch(stderr, 'wrong')
  }
}

t.test('a server that does not exist', async (t) => {
  await assertRefused(t, vary({ port: '1' }), /: connect ECONNREFUSED 127\.0\.0\.1:1$/)
})

t.test('an unknown host name', async (t) => {
  await assertRefused(t, vary({ hostname: 'nowhere.invalid' }), /: getaddrinfo \w+ nowhere\.invalid$/)
})

t.test('a wrong password', async (t) => {
  await assertRefused(t, vary({ password: 'wrong' }), /: password authentication failed for user "postgres"$/)
})

t.test('a database that does not exist', async (t) => {
  await assertRefused(t, vary({ pathname: '/nowhere' }), /: database "nowhere" does not exist$/)
})

t.test('a server that never answers', async (t) => {
  await assertRefused(t, vary({ port: `${await startSilence(t)}` }), /: timeout expired$/)
})

for (const text of ['begin', 'pg_try_advisory_xact_lock', 'transaction_read_only']) {
  t.test(`a server that stops answering at ${text}`, async (t) => {
    const proxy = await startProxy(t, postgres.port)
    await assertRefused(t, proxy.through(postgres.url), /: Query read timeout$/, () => {
      proxy.thaw()
      proxy.freezeAt(text)
    })
  })
}

t.test('a standby', async (t) => {
  const operator = await connectOperator(t, postgres.url)
  await operator.query('alter database postgres set default_transaction_read_only = on')
  await assertRefused(t, postgres.url, /read-only/)
  await operator.query('alter database postgres reset default_transaction_read_only')
})

t.test('a host name with several addresses that all refuse', async (t) => {
  const refusal = (address: string) => new Error(`connect ECONNREFUSED ${address}`)
  const { message } = new DatabaseUnavailableError(
    new AggregateError([refusal('::1:1'), refusal('127.0.0.1:1')]),
  )
  t.equal(
    message,
    'The database is unavailable: connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1',
  )
})
