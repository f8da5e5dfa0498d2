import t from 'tap'
import { readPage, readSection, readTable } from '../markdown.ts'
import { createHostWithPostern } from './host.ts'

const page = readPage('docs/embedding.md')

/** What only a host can set; the settings have a page of their own, which another test compares. */
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

/** The names in the first column of the table under a heading. */
function namesUnder(heading: string): string[] {
  return readTable(readSection(page, heading)).flatMap(([cell = '']) => cell.match(/\w+/g) ?? [])
}

t.test('docs/embedding.md lists every option that only a host has', async (t) => {
  t.same(namesUnder('## Options').sort(), [...HOST_OPTIONS, ...HOOKS].sort())
})

t.test('docs/embedding.md lists every method for code, and what a request has', async (t) => {
  const host = await createHostWithPostern(t)
  t.same(namesUnder('## Methods').sort(), Object.keys(host.postern).sort())

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
  t.match(page, `{${Object.keys(auth).join(', ')}}`)
})
