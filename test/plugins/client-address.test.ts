import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Answer, ada, collectLog, createApp } from '../helper.ts'

/** Where a request comes from. */
interface Origin {
  /** The address of the other end of the connection. */
  peer?: string
  headers?: Record<string, string>
}

/** A server that allows two failures from one address, its warnings, and a function that tries a wrong password. */
async function createScene(t: Test, trustProxy?: string) {
  const log = collectLog()
  const settings = {
    THROTTLE: 'true',
    LOGIN_FAILURES_PER_ADDRESS: '2',
    LOGIN_FAILURES_PER_ACCOUNT: '6',
    LOG_LEVEL: 'warn',
  }
  const app = await createApp(
    t,
    { ...settings, ...(trustProxy !== undefined && { TRUST_PROXY: trustProxy }) },
    log.stream,
  )
  let guesses = 0
  const ask = async ({ peer = '127.0.0.1', headers = {} }: Origin): Promise<Answer> => {
    guesses++
    const payload = { email: `user${guesses}@example.com`, password: ada.password }
    return await app.inject({ method: 'POST', url: '/login', payload, headers, remoteAddress: peer })
  }
  return {
    app,
    /** Whether requests of these origins are throttled as one client. */
    async areOne(...origins: Origin[]): Promise<boolean> {
      const [first = {}] = origins
      for (const origin of [...origins, first].slice(0, 2)) await ask(origin)
      for (const origin of origins) if ((await ask(origin)).statusCode !== 429) return false
      return true
    },
    ask,
    warnings: (): string[] =>
      log
        .text()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).msg),
  }
}

const forwarded = (value: string) => ({ headers: { 'x-forwarded-for': value } })

t.test('without trusted proxies, the client is the peer of the connection', async (t) => {
  const { areOne, ask } = await createScene(t)
  t.ok(await areOne({ peer: '203.0.113.1' }, { peer: '203.0.113.1' }))
  t.equal((await ask({ peer: '203.0.113.2' })).statusCode, 401)
})

t.test('a forged header of a peer that is not a trusted proxy changes nothing', async (t) => {
  for (const trustProxy of [undefined, '127.0.0.1', '10.0.0.0/8']) {
    const { areOne } = await createScene(t, trustProxy)
    t.ok(
      await areOne(
        { peer: '203.0.113.1', ...forwarded('198.51.100.1') },
        { peer: '203.0.113.1', ...forwarded('198.51.100.2, 127.0.0.1') },
        { peer: '203.0.113.1', headers: { forwarded: 'for=198.51.100.3' } },
        { peer: '203.0.113.1' },
      ),
    )
  }
})

t.test('addresses before the one that a trusted proxy adds are ignored', async (t) => {
  const { areOne, ask } = await createScene(t, '127.0.0.1,10.0.0.0/8')
  t.ok(
    await areOne(
      forwarded('203.0.113.1'),
      forwarded('198.51.100.1, 203.0.113.1'),
      forwarded('127.0.0.1, 203.0.113.1'),
      forwarded('unknown, 203.0.113.1'),
      forwarded(`${'x'.repeat(1000)}, 203.0.113.1`),
      // Through two proxies.
      forwarded('198.51.100.2, 203.0.113.1, 10.0.0.7'),
      { peer: '10.0.0.8', ...forwarded('198.51.100.3, 203.0.113.1, 10.0.0.7, 127.0.0.1') },
    ),
  )
  t.equal((await ask(forwarded('203.0.113.1, 198.51.100.1'))).statusCode, 401, 'another client')
})

t.test('all spellings of an address are one client', async (t) => {
  const { areOne, ask } = await createScene(t, '127.0.0.1')
  t.ok(await areOne(forwarded('203.0.113.1'), forwarded('::ffff:203.0.113.1'), forwarded('203.0.113.1:4711')))
  t.ok(await areOne(forwarded('2001:db8::1'), forwarded('2001:db8::ffff:2'), forwarded('[2001:DB8::3]:80')))
  t.equal((await ask(forwarded('2001:db8:0:1::1'))).statusCode, 401, 'another network')
  t.ok(await areOne({ peer: '::ffff:127.0.0.1', ...forwarded('203.0.113.9') }, forwarded('203.0.113.9')))
})

t.test('warns once when it ignores a header, and says what to set', async (t) => {
  const { ask, warnings } = await createScene(t)
  await ask({ peer: '::ffff:172.17.0.2', ...forwarded('203.0.113.1') })
  await ask({ peer: '172.17.0.3', ...forwarded('203.0.113.2') })
  await ask({ peer: '172.17.0.3', headers: { forwarded: 'for=203.0.113.2' } })
  t.equal(warnings().length, 1)
  t.match(warnings()[0], /^172\.17\.0\.2 sent X-Forwarded-For .* add it to TRUST_PROXY .*;/)
})

t.test('warns of an untrusted gateway in front of a trusted one', async (t) => {
  const { ask, warnings } = await createScene(t, '127.0.0.1,10.0.0.0/8')
  await ask(forwarded('203.0.113.1'))
  await ask(forwarded('203.0.113.1, 10.0.0.1'))
  t.same(warnings(), [])
  await ask(forwarded('203.0.113.1, 198.51.100.9, 10.0.0.1'))
  await ask(forwarded('203.0.113.1, 198.51.100.10'))
  t.match(warnings(), [/^198\.51\.100\.9 sent X-Forwarded-For and is not a trusted proxy.*TRUST_PROXY/])
  t.equal(warnings().length, 1)
})

t.test('warns of an ignored Forwarded header too', async (t) => {
  const { ask, warnings } = await createScene(t)
  await ask({ headers: { forwarded: 'for=203.0.113.2' } })
  t.match(warnings(), [/^127\.0\.0\.1 sent Forwarded /])
})

t.test('warns once when a trusted proxy does not send the client’s address', async (t) => {
  const { ask, warnings } = await createScene(t, '127.0.0.1')
  await ask({ peer: '203.0.113.1' })
  await ask(forwarded('203.0.113.1'))
  t.same(warnings(), [])
  await ask({})
  await ask({ headers: { forwarded: 'for=203.0.113.2' } })
  t.match(warnings(), [/^127\.0\.0\.1 is a trusted proxy and sent no X-Forwarded-For, .*TRUST_PROXY/])
  t.equal(warnings().length, 1)
})

t.test('treats clients as one, and warns, when a trusted proxy hides their addresses', async (t) => {
  const { areOne, warnings } = await createScene(t, '127.0.0.1')
  t.ok(await areOne(forwarded('unknown'), forwarded('203.0.113.1, _hidden')))
  t.match(warnings()[0], /^127\.0\.0\.1 is a trusted proxy .* not an address/)
})

t.test('warns when it throttles a private address that sends no header, probably a gateway', async (t) => {
  const { areOne, warnings } = await createScene(t)
  t.ok(await areOne({ peer: '203.0.113.1' }))
  t.same(warnings(), [])
  t.ok(await areOne({ peer: '10.0.0.1' }))
  t.match(warnings(), [/^10\.0\.0\.1 is throttled, .* TRUST_PROXY/])
})

t.test('warns when requests have no address, and still throttles by user', async (t) => {
  // Not the test's own directory: the path of a socket must be short.
  const directory = mkdtempSync(join(tmpdir(), 'postern-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  for (const trustProxy of [undefined, '127.0.0.1']) {
    const { app, warnings } = await createScene(t, trustProxy)
    const socketPath = join(directory, `${trustProxy}`)
    await app.listen({ path: socketPath })
    const logIn = () =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.1' }
        request({ socketPath, path: '/login', method: 'POST', headers, agent: false }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode))
        })
          .on('error', reject)
          .end(JSON.stringify({ email: ada.email, password: 'a wrong one' }))
      })
    const statuses = []
    for (let i = 0; i < 7; i++) statuses.push(await logIn())
    t.same(statuses, [401, 401, 401, 401, 401, 401, 429])
    t.match(warnings(), [/^Requests come without an address/])
    t.equal(warnings().length, 1)
  }
})
