import t from 'tap'
import { readPage, readSection, readTable } from '../markdown.ts'
import { createHostWithPostern } from './host.ts'

const page = readPage('docs/embedding.md')

/** The options that only a host app has. Another test checks the page of the settings. */
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

t.test('docs/embedding.md lists every option that only a host app has', async (t) => {
  t.same(namesUnder('## Options').sort(), [...HOST_OPTIONS, ...HOOKS].sort())
})

t.test('docs/embedding.md lists every method of app.postern and every field of request.auth', async (t) => {
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
