import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import packageJson from '../../package.json' with { type: 'json' }
import { postern, posternJson } from '../cli.ts'
import { startServer } from '../server-process.ts'
import { lookInto, onEachDatabase } from './user-scene.ts'

t.test('prints help and its version', async (t) => {
  const cwd = t.testdir()

  const help = await postern(['--help'], { cwd })
  t.equal(help.code, 0)
  t.equal(help.stderr, '')
  for (const word of ['serve', 'migrate', 'keys', 'clients', 'tokens', 'audit', 'doctor', 'backup', 'copy'])
    t.match(help.stdout, ` ${word} `)

  const keys = await postern(['keys', '--help'], { cwd })
  t.equal(keys.code, 0)
  for (const word of ['list', 'rotate', 'retire', 'export', 'reseal']) t.match(keys.stdout, ` ${word} `)

  const clients = await postern(['help', 'clients'], { cwd })
  t.equal(clients.code, 0)
  for (const word of ['add', 'list', 'remove']) t.match(clients.stdout, ` ${word} `)

  const version = await postern(['--version'], { cwd })
  t.equal(version.stdout, `${packageJson.version}\n`)
  t.same(readdirSync(cwd), [])
})

t.test('refuses a wrong command, and says what is wrong', async (t) => {
  const cwd = t.testdir()
  const wrong = [
    [['nonsense'], 'nonsense'],
    [['keys', 'nonsense'], 'nonsense'],
    [['keys', 'export', 'x'], '--pem'],
    [['clients', 'add'], 'name'],
    [[], 'Usage'],
  ] as const
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await postern([...args], { cwd })
    t.equal(code, 2, args.join(' '))
    t.equal(stdout, '', args.join(' '))
    t.match(stderr, message)
    t.notMatch(stderr, /^ +at /m, 'no stack')
  }
})

t.test('creates no missing database', async (t) => {
  const cwd = t.testdir()
  const commands = [
    ['keys', 'list'],
    ['keys', 'rotate'],
    ['keys', 'reseal'],
    ['clients', 'add', 'x'],
  ]
  for (const args of commands) {
    const { code, stdout, stderr } = await postern(args, { cwd })
    t.equal(code, 1, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, 'There is no database at ./data/postern.db')
  }
  const inMemory = await postern(['keys', 'list'], { cwd, env: { DATABASE_URL: ':memory:' } })
  t.equal(inMemory.code, 1)
  t.match(inMemory.stderr, 'There is no database at :memory:')
  t.same(readdirSync(cwd), [])
})

t.test('names every invalid setting, as the service does', async (t) => {
  const cwd = t.testdir()

  const env = { ALGORITHM: 'ES257', SECRET_KEY: 'short', KEY_ROTATION_DAYS: '0' }
  const { code, stderr } = await postern(['keys', 'list'], { cwd, env })

  t.equal(code, 1)
  for (const name of Object.keys(env)) t.match(stderr, name)
  t.notMatch(stderr, 'short', 'but not the secret')
})

t.test('creates the database that the service then uses', async (t) => {
  const cwd = t.testdir()

  const first = await postern(['migrate'], { cwd })
  const again = await postern(['migrate'], { cwd })

  t.same([first.code, again.code], [0, 0])
  t.equal(first.stderr, '')
  t.equal(statSync(join(cwd, 'data', 'postern.db')).mode & 0o777, 0o600)
  t.equal(statSync(join(cwd, 'data', 'postern.db.secret')).mode & 0o777, 0o600)
  await postern(['clients', 'add', 'early bird'], { cwd })
  await startServer(t, { cwd })
  t.match(await posternJson(['clients', 'list'], { cwd }), [{ name: 'early bird' }])
})

onEachDatabase(t, 'creates, lists and removes clients', async (t, scene) => {
  t.equal((await postern(['clients', 'list'], scene)).stdout, 'none\n')
  t.same(await posternJson(['clients', 'list'], scene), [])

  const [created = {}] = await posternJson(['clients', 'add', 'resource server'], scene)

  t.same(Object.keys(created), ['client_id', 'client_secret', 'name'])
  const { client_id: id = '', client_secret: secret = '', name } = created
  t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  t.match(secret, /^[\w-]{43}$/, '256 bits')
  t.equal(name, 'resource server')

  const taken = await postern(['clients', 'add', 'resource server'], scene)
  t.equal(taken.code, 1)
  t.equal(taken.stdout, '')
  t.match(taken.stderr, 'A client named resource server already exists')

  const shown = await postern(['clients', 'add', 'second'], scene)
  t.match(shown.stdout, /^client_id +client_secret +name\n\S+ +[\w-]{43} +second\n$/)
  const listed = await postern(['clients', 'list'], scene)
  t.match(listed.stdout, /^client_id +name +created_at\n\S+ +resource server +\S+Z\n\S+ +second +\S+Z\n$/)
  const list = await posternJson(['clients', 'list'], scene)
  t.same(Object.keys(list[0] ?? {}), ['client_id', 'name', 'created_at'])
  const { client_secret: other } = created
  t.notOk(JSON.stringify(list).includes(other ?? ''), 'the secret is not shown again')

  const [stored = {}] = await lookInto(t, scene).all('select * from clients where id = ?', id)
  t.notOk(JSON.stringify(stored).includes(secret), 'the secret is not stored')
  t.equal(stored['hashed_secret'], createHash('sha256').update(secret).digest('hex'))

  t.equal((await postern(['clients', 'remove', id], scene)).code, 0)
  t.match(await posternJson(['clients', 'list'], scene), [{ name: 'second' }])
  const gone = await postern(['clients', 'remove', id], scene)
  t.equal(gone.code, 1)
  t.match(gone.stderr, `There is no client ${id}`)
})
