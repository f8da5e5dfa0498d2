import t from 'tap'
import { ada, assertProblem, credentials, post } from '../helper.ts'
import { createHostWithPostern } from './host.ts'

t.test('while registration is closed, the host app still creates users, and they log in', async (t) => {
  const host = await createHostWithPostern(t, { registration: 'closed' })
  assertProblem(t, await post(host, '/register', ada), 'registration_closed')

  await host.postern.register(ada)

  t.equal((await post(host, '/login', credentials)).statusCode, 200)
})

t.test('a host app’s calls normalise no text that is far too long for an e-mail', async (t) => {
  const host = await createHostWithPostern(t)
  await host.postern.register(ada)
  const { normalize } = String.prototype
  let longest = 0
  t.intercept(String.prototype, 'normalize', {
    value(this: string, form?: string) {
      longest = Math.max(longest, this.length)
      return normalize.call(this, form)
    },
  })
  const email = `a${'\u0301'.repeat(50_000)}${'\u0323'.repeat(50_000)}@x.org`

  t.equal(await host.postern.findUser({ email }), undefined)
  await t.rejects(host.postern.register({ ...ada, email }), { code: 'invalid_request' })
  await t.rejects(host.postern.login({ ...credentials, email }), { code: 'invalid_credentials' })
  t.ok(longest < 1000, `${longest} characters at most`)
})
