import t from 'tap'
import { usersCommand } from '../../src/commands/users/index.ts'
import { ada } from '../helper.ts'
import { importText, line, lookInto, onEachDatabase, setScene, users } from './user-scene.ts'

const ESCAPES = '\u001b[31m\u0007\u202e\nroot'

onEachDatabase(t, 'lists users one page at a time', async (t, scene) => {
  const lines = ['ada@a.test', 'bob@a.test', 'c_d@b.test', 'cxd@b.test', 'd%d@b.test'].map((email, index) =>
    line(index, { email, ...(index === 1 && { disabled_at: '2026-01-01T00:00:00Z' }) }),
  )
  t.equal((await importText(scene, 'users.ndjson', lines.join(''))).code, 0)
  const list = async (...args: string[]) => {
    const { code, stdout, stderr } = await users(scene, ['list', '--json', ...args])
    t.equal(code, 0, stderr)
    return { emails: JSON.parse(stdout).map(({ email }: { email: string }) => email), stderr }
  }

  const first = await list('--limit', '2')
  t.same(first.emails, ['ada@a.test', 'bob@a.test'])
  t.match(first.stderr, '--after bob@a.test')
  const second = await list('--limit', '3', '--after', 'bob@a.test')
  t.same(second.emails, ['c_d@b.test', 'cxd@b.test', 'd%d@b.test'])
  t.equal(second.stderr, '', 'and no more')
  t.same((await list('--email', 'A.TEST')).emails, ['ada@a.test', 'bob@a.test'])
  t.same((await list('--email', 'c_')).emails, ['c_d@b.test'], 'an underscore is no wildcard')
  t.same((await list('--email', '%')).emails, ['d%d@b.test'])
  t.same((await list('--disabled')).emails, ['bob@a.test'])
  t.equal((await list('--enabled')).emails.length, 4)

  const { stdout } = await users(scene, ['list', '--disabled'])
  t.match(
    stdout,
    /^id +email +name +created_at +disabled_at\n\S+ +bob@a\.test +\S+Z +2026-01-01T00:00:00\.000Z\n$/,
  )
  t.equal((await users(scene, ['list', '--email', 'nobody'])).stdout, 'none\n')
})

t.test('prints no control characters', async (t) => {
  const scene = await setScene(t)
  const name = `Ada${ESCAPES}`
  await importText(scene, 'users.ndjson', line(1, { email: ada.email, name }))
  const assertHarmless = (text: string, about: string) => {
    t.notMatch(text.replaceAll('\n', ''), /\p{C}/u, about)
    t.notMatch(text, /^root/m, about)
  }

  for (const args of [['list'], ['show', ada.email], ['show', `nobody${ESCAPES}@x`]]) {
    const { stdout, stderr } = await users(scene, args)
    assertHarmless(stdout + stderr, args.join(' '))
  }
  const { stdout } = await users(scene, ['show', ada.email, '--json'])
  assertHarmless(stdout, 'JSON')
  t.equal(JSON.parse(stdout).name, name, 'which still has the exact name')
})

t.test('exits with a code for each kind of failure', async (t) => {
  const scene = await setScene(t)
  const wrong: [code: number, args: string[], message: string][] = [
    [1, ['disable', '01a20490-3f02-7409-818a-1861e0ce0328'], 'There is no user 01a20490'],
    [1, ['import', 'nowhere.csv'], 'nowhere.csv'],
    [2, ['show'], 'missing required argument'],
    [2, ['list', '--limit', '0'], 'whole number from 1 to 1000'],
    [2, ['list', '--enabled', '--disabled'], 'cannot be used with'],
    [2, ['import', 'users.txt'], '--format'],
    [2, ['import', 'a.csv', '--from-fastapi', 'b.db'], '--from-fastapi'],
    [2, ['import', 'a.csv', '--accept-tokens', '30'], '--from-fastapi'],
    [2, ['import', '--from-fastapi', 'b.db', '--token-subject', 'aud=email'], 'sub=email'],
  ]
  for (const [code, args, message] of wrong) {
    const exit = await users(scene, args)
    t.equal(exit.code, code, args.join(' '))
    t.equal(exit.stdout, '', args.join(' '))
    t.match(exit.stderr, message)
    t.notMatch(exit.stderr, /^ +at /m, 'no stack')
  }
})

t.test('reads a password only from standard input, and refuses bad ones', async (t) => {
  const scene = await setScene(t)
  const wrong: [input: string | Buffer, message: string][] = [
    ['', 'no password on standard input'],
    ['password123\n', 'too easy to guess'],
    ['two lines of\na password\n', 'one line'],
    ['x'.repeat(100_000), 'too long'],
    [Buffer.from('ein gutes Kennwort, \xe4h', 'latin1'), 'UTF-8'],
  ]
  for (const [input, message] of wrong) {
    const exit = await users(scene, ['add', ada.email], input)
    t.equal(exit.code, 1, message)
    t.match(exit.stderr, message)
  }
  const known = await users(scene, ['add', ada.email, '--name', 'Ada Quillfeather'], 'Quillfeather1815')
  t.match([known.code, known.stderr], [1, 'too easy to guess'], 'the name')
  const fault = await users(scene, ['add', 'not an address'], ada.password)
  t.match([fault.code, fault.stderr], [1, 'email must be an e-mail address'])
  t.equal(await lookInto(t, scene).value('select count(*) from users'), 0)
  const argument = await users(scene, ['add', ada.email, '--password', ada.password])
  t.equal(argument.code, 2, 'there is no such option')
})

t.test('explains each command with an example', async (t) => {
  const { commands } = usersCommand()
  const names = commands.map((command) => command.name())
  t.same(names.sort(), [
    'add',
    'delete',
    'disable',
    'enable',
    'export',
    'import',
    'list',
    'log-out',
    'set-password',
    'show',
  ])
  for (const command of commands) {
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
    t.match(help, `\n  $ postern users ${command.name()}`)
  }
})
