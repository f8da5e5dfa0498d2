import t from 'tap'
import { claimsOf, decodeHeader, forge } from '../forge.ts'
import { ada } from '../helper.ts'
import { createStrangeKey, standBehind } from './behind.ts'
import { type AskingGateway, askingGateways } from './gateways.ts'

for (const gateway of Object.keys(askingGateways) as AskingGateway[]) {
  t.test(gateway, async (t) => {
    const deployment = await standBehind(t, gateway)
    const { send, received, register, logIn, logOut } = deployment
    await register(ada)
    const token = await logIn()
    const now = Math.floor(Date.now() / 1000)

    t.test('refuses an invalid token with the challenge of RFC 6750', async (t) => {
      const left = await logIn()
      t.equal((await send({ token: left })).status, 200)
      t.equal((await logOut(left)).status, 200)
      const [header = '', claims = '', signature = ''] = token.split('.')
      const refused = {
        'logged out a moment ago': left,
        garbage: 'garbage',
        'garbage in three parts': 'x.y.z',
        'characters that a token cannot have': '\u00e9"\\ ,;',
        expired: await deployment.resign(token, { exp: now - 1 }),
        'of another key': forge(createStrangeKey(decodeHeader(token)['kid']), claimsOf(token)),
        unsigned: `${header}.${claims}.`,
        'with a changed signature': `${header}.${claims}.${signature.replace(/^./, (a) => (a === 'A' ? 'B' : 'A'))}`,
        'a path': '/verify',
        'of 6 KiB': 'a'.repeat(6 * 1024),
      }
      const before = received.length

      for (const [what, bad] of Object.entries(refused)) {
        const { status, headers } = await send({ token: bad })
        t.equal(status, 401, what)
        t.match(
          headers['www-authenticate'],
          /^Bearer error="invalid_token", error_description="[^"]+"$/,
          what,
        )
        t.notOk('location' in headers, what)
      }
      for (const authorization of ['', 'Bearer', 'Basic YTpi', token]) {
        const { status, headers } = await send({ headers: [['Authorization', authorization]] })
        t.equal(status, 401, authorization)
        t.match(headers['www-authenticate'], /^Bearer/, authorization)
      }
      const { status, headers } = await send()
      t.equal(status, 401, 'no token')
      t.equal(headers['www-authenticate'], 'Bearer', 'no token')

      t.equal(received.length, before, 'the application receives none of these requests')
      t.equal((await send({ token })).status, 200, 'the valid token is still admitted')
    })

    t.test('refuses a token that is too long, and goes on', async (t) => {
      const before = received.length
      for (const bytes of [9, 16, 64].map((kilobytes) => kilobytes * 1024)) {
        const { status } = await send({ token: 'a'.repeat(bytes) })
        t.ok(status >= 400 && status < 500, `${bytes} bytes: ${status}`)
      }
      t.equal(received.length, before)
      t.equal((await send({ token })).status, 200)
    })

    t.test('accepts a token only in the Authorization header', async (t) => {
      const before = received.length
      t.equal((await send({ path: `/?access_token=${token}` })).status, 401)
      t.equal((await send({ headers: [['Cookie', `access_token=${token}`]] })).status, 401)
      const form = { method: 'POST', body: Buffer.from(`access_token=${token}`) }
      const type: [string, string] = ['Content-Type', 'application/x-www-form-urlencoded']
      t.equal((await send({ ...form, headers: [type] })).status, 401)
      t.equal(received.length, before)
    })

    t.test('answers 403 to a disabled user from the next request on', async (t) => {
      const grace = { ...ada, email: 'grace@example.com' }
      const id = await register(grace)
      const token = await logIn(grace)
      t.equal((await send({ token })).status, 200)
      const before = received.length

      await deployment.db.run(
        'update users set disabled_at = ?, token_version = token_version + 1 where id = ?',
        new Date(),
        id,
      )

      const { status, headers } = await send({ token })
      t.equal(status, 403)
      t.notOk('location' in headers)
      t.equal(received.length, before)
    })

    t.test('does not expose the endpoints for gateways, machines and operators', async (t) => {
      for (const path of ['/verify', '/_verify', '/introspect', '/revoke', '/healthz', '/readyz', '/docs']) {
        t.ok([401, 404].includes((await send({ path })).status), path)
        const { status } = await send({ path, token, headers: [['Content-Type', 'text/plain']] })
        t.ok(status === 404 || received.at(-1)?.url === path, `${path} is the application’s`)
      }
      for (const path of ['/.well-known/jwks.json', '/.well-known/oauth-authorization-server']) {
        const { status, headers } = await send({ path })
        t.equal(status, 200, `${path} is public`)
        t.match(headers['content-type'], 'json')
      }
      for (const path of [
        '/verify/../login',
        '/verify/%2e%2e/login',
        '/verify/./../login',
        '//login',
        '/x/..//login',
      ]) {
        const { status, headers } = await send({ path, token })
        t.ok([400, 404, 405].includes(status) || received.at(-1)?.url === path, `${path}: ${status}`)
        t.notOk(headers['remote-user'], `${path} tells the client no identity`)
      }
      const getUser = await send({ path: '/getUser', token })
      t.equal(JSON.parse(getUser.body).email, ada.email)
    })
  })
}
