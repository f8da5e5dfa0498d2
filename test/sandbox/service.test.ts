import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ada, bearer } from '../helper.ts'
import { freePort } from '../postgres-server.ts'
import { logInAt, postJson, until } from '../server-process.ts'
import { copyCheckout, createDebian, createDirectory, ROOT } from './debian.ts'
import { bootMachine } from './machine.ts'

const page = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8')

/** The commands under a heading of the page. */
function commands(heading: string): string {
  const [, section = ''] = page.split(`### ${heading}\n`)
  return /^```sh\n(.*?)^```$/ms.exec(section)?.[1] ?? ''
}

const root = join(createDirectory(t), 'machine')
mkdirSync(root)
createDebian(root, '/usr/bin/node', ['systemd', 'systemd-sysv', 'dbus'])
copyCheckout(join(root, 'opt/postern'))
const { shell, shellFails } = await bootMachine(t, root)
const port = await freePort()
const address = `http://127.0.0.1:${port}`
const isReady = () =>
  fetch(`${address}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )
const show = (...properties: string[]) =>
  shell(`systemctl show postern --property=${properties.join()}`).trim().split('\n').sort()

t.before(async () => {
  const lines = commands('Under systemd').trim().split('\n')
  const start = lines.pop() ?? ''
  t.equal(start, 'systemctl enable --now postern')
  shell(lines.join('\n'))
  shell(`echo PORT=${port} >> /etc/postern/postern.env`)
  shell(start)
  await until(isReady)
})

t.test('runs as the page installs it, with all the safeguards of its unit', async (t) => {
  t.equal((await postJson(`${address}/register`, ada)).status, 201)
  t.ok(await logInAt(address, ada), 'the hashing threads run')

  const status = shell(`cat /proc/$(systemctl show --value --property=MainPID postern)/status`)
  t.notMatch(status, /^Uid:\t0\b/m)
  t.match(status, /^CapBnd:\t0+$/m)
  t.match(status, /^NoNewPrivs:\t1$/m)
  t.match(status, /^Seccomp:\t2$/m)
  const modes = shell('cd /var/lib/postern; stat --format="%a %U %n" . postern.db postern.db.secret')
  t.same(modes.trim().split('\n'), [
    '700 postern .',
    '600 postern postern.db',
    '600 postern postern.db.secret',
  ])
  t.match(shell('journalctl --unit postern'), '"msg":"request"')
})

t.test('is administered by the command on the same machine', async (t) => {
  const [key] = JSON.parse(shell('postern keys list --json'))
  t.equal(key.state, 'signing')
  t.match(shellFails('postern keys retire nonsense'), 'There is no key nonsense.')

  const token = await logInAt(address, ada)
  const check = async () => (await fetch(`${address}/getUser`, { headers: bearer(token) })).status
  t.equal(await check(), 200)
  shell('systemctl stop postern')
  const before = statSync(join(root, 'var/lib/postern/postern.db.secret')).ino
  shell('postern keys reseal')
  t.not(statSync(join(root, 'var/lib/postern/postern.db.secret')).ino, before)
  shell('systemctl start postern')
  await until(isReady)
  t.equal(await check(), 200)
  shell(`postern keys retire ${key.kid}`)
  t.equal(await check(), 401)
})

t.test('restarts after a kill, with its data', async (t) => {
  shell('systemctl kill --signal=KILL postern')
  await until(async () => show('NRestarts')[0] !== 'NRestarts=0' && (await isReady()))
  t.ok(await logInAt(address, ada))
})

t.test('stops without an error, and does not restart', async (t) => {
  shell('systemctl stop postern')
  t.same(show('ActiveState', 'ExecMainStatus', 'Result'), [
    'ActiveState=inactive',
    'ExecMainStatus=0',
    'Result=success',
  ])
  t.notOk(await isReady())
})

t.test('says in its log what is wrong with a setting', async (t) => {
  writeFileSync(join(root, 'etc/postern/postern.env'), 'PORT=none\n')
  shell('systemctl start postern')
  await until(() => shell('journalctl --unit postern').includes('PORT must be a whole number'))
  shell('systemctl stop postern')
  t.equal(show('ActiveState')[0]?.replace('failed', 'inactive'), 'ActiveState=inactive')
})
