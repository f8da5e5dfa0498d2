import { readFileSync } from 'node:fs'
import t from 'tap'
import { makeHostWithPostern } from './host.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** What the README says to whoever has an app of their own. */
const [, section = ''] = /^## In your own app\n(.*?)^## /ms.exec(readme) ?? []

/** What only a host can set; the settings have a table of their own, which another test compares. */
const HOST_OPTIONS = ['prefix', 'database', 'tablePrefix', 'migrate', 'metrics']
const HOOKS = [
  'beforeRegister',
  'beforeLogin',
  'onRegistered',
  'onLoggedIn',
  'onLoginFailed',
  'onLoggedOut',
  'onThrottled',
]

t.test('the README lists every option that only a host has', async (t) => {
  const rows = [...section.matchAll(/^\| (`.+?) \|/gm)].flatMap(([, cell = '']) => cell.match(/\w+/g) ?? [])

  t.same(rows.sort(), [...HOST_OPTIONS, ...HOOKS].sort())
})

t.test('the README names every method for code, and what a request has', async (t) => {
  const host = await makeHostWithPostern(t)
  const [, methods = ''] = /^(`app\.postern` does .*?)\n\n/ms.exec(section) ?? []

  const names = [...methods.matchAll(/`(\w+)`/g)].map(([, name]) => name)
  t.same(names.sort(), Object.keys(host.postern).sort())

  const { id } = await host.postern.register({
    email: 'ada@example.com',
    password: 'correct horse battery staple',
  })
  const { accessToken } = await host.postern.login({
    email: 'ada@example.com',
    password: 'correct horse battery staple',
  })
  const auth = await host.postern.verifyToken(accessToken)
  t.equal(auth.userId, id)
  t.match(section, `{${Object.keys(auth).join(', ')}}`)
})
