import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { ada } from '../helper.ts'
import { forgedIdentity, type Received, valuesOf } from './application.ts'
import { standBehind } from './behind.ts'
import { type AskingGateway, askingGateways } from './gateways.ts'

function assertIdentity(t: Test, request: Received | undefined, id: string, user: typeof ada): void {
  if (!request) return void t.fail('the application has not received the request')
  t.same(valuesOf(request, 'Remote-User'), [id])
  t.same(valuesOf(request, 'Remote-Email'), [user.email])
  // A gateway may leave out a header that would be empty.
  const [name = '', ...others] = valuesOf(request, 'Remote-Name')
  t.same([decodeURIComponent(name), ...others], [user.name])
  t.same(valuesOf(request, 'Authorization'), [], 'the token is removed')
}

const NAMES = ['Ada Lovelace', 'Zoë 李', 'Ada\r\nRemote-User: root', 'a: b', '👩‍💻', '100 %', ' Ada ', '']

for (const gateway of Object.keys(askingGateways) as AskingGateway[]) {
  t.test(gateway, async (t) => {
    const deployment = await standBehind(t, gateway)
    const { send, received, register, logIn } = deployment
    const id = await register(ada)
    const token = await logIn()

    t.test('admits a valid token, and tells the application who the user is', async (t) => {
      for (const [index, name] of NAMES.entries()) {
        const user = { ...ada, email: `ada${index}@example.com`, name }
        const id = await register(user)
        const token = await logIn(user)

        const answer = await send({ path: `/${index}`, token })

        t.equal(answer.status, 200, JSON.stringify(name))
        const request = received.find(({ url }) => url === `/${index}`)
        assertIdentity(t, request, id, user)
        t.equal(JSON.parse(answer.body).url, `/${index}`, 'the response is the application’s')
      }
    })

    t.test('removes identity headers that a client sends, in any spelling', async (t) => {
      const before = received.length
      const nameless = { ...ada, email: 'nameless@example.com', name: '' }
      const namelessId = await register(nameless)

      t.equal((await send({ headers: forgedIdentity })).status, 401)
      t.equal(received.length, before, 'the application does not receive the request')
      t.equal((await send({ token, headers: forgedIdentity })).status, 200)
      assertIdentity(t, received.at(-1), id, ada)
      t.equal((await send({ token: await logIn(nameless), headers: forgedIdentity })).status, 200)
      assertIdentity(t, received.at(-1), namelessId, nameless)
      t.equal(received.length, before + 2)
    })

    t.test('does not let a client remove the identity headers', async (t) => {
      const headers: [string, string][] = [
        ['Connection', 'keep-alive, Remote-User, remote-email, REMOTE-NAME'],
      ]
      t.equal((await send({ token, headers })).status, 200)
      assertIdentity(t, received.at(-1), id, ada)
    })

    t.test('overwrites the headers about the origin and the target of a request', async (t) => {
      const headers: [string, string][] = [
        ['X-Forwarded-For', '192.0.2.1'],
        ['X-Forwarded-Proto', 'gopher'],
        ['X_Forwarded_For', '192.0.2.1'],
        ['X.Forwarded.For', '192.0.2.1'],
        ['X-Original-URL', '/login'],
        ['X-Rewrite-URL', '/login'],
        ['X-Forwarded-Uri', '/login'],
        ['X-Forwarded-Method', 'OPTIONS'],
      ]

      t.equal((await send({ path: '/here', headers })).status, 401, 'they do not authenticate')
      t.equal((await send({ path: '/here', token, headers })).status, 200)

      const request = received.at(-1)
      if (!request) return
      t.equal(request.url, '/here')
      t.same(valuesOf(request, 'X-Forwarded-For'), ['127.0.0.1'])
      t.same(valuesOf(request, 'X-Forwarded-Proto'), ['http'])
      t.same(valuesOf(request, 'X-Original-URL'), [])
      t.same(valuesOf(request, 'X-Rewrite-URL'), [])
    })

    t.test('forwards a request unchanged', async (t) => {
      const path = '/a%2Fb/c?x=%20&login=/verify'
      for (const chunked of [false, true]) {
        for (const body of [Buffer.from('{"a": "ä"}'), randomBytes(500_000)]) {
          const answer = await send({ method: 'POST', path, token, body, chunked })

          const what = `${body.length} bytes${chunked ? ' in chunks' : ''}`
          t.equal(answer.status, 200, what)
          const request = received.at(-1)
          t.match(request, { method: 'POST', url: path })
          t.ok(request?.body.equals(body), `${what}: complete`)

          t.equal(
            (await send({ method: 'POST', path, body, chunked })).status,
            401,
            `${what}, without a token`,
          )
          t.equal(received.at(-1), request, 'the application does not receive the request')
        }
      }
      for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'PURGE']) {
        t.equal((await send({ method, path, token })).status, 200, method)
        t.match(received.at(-1), { method, url: path })
      }
    })
  })
}
