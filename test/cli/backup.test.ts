import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDriver from 'better-sqlite3'
import t from 'tap'
import { postern } from '../cli.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, startServer, until } from '../server-process.ts'

t.test('is consistent while the service writes, and a service starts on the restored backup', async (t) => {
  const cwd = t.testdir({ backups: {} })
  const server = await startServer(t, { cwd })
  await postJson(`${server.address}/register`, ada)
  const token = await logInAt(server.address, ada)
  const revoked = await logInAt(server.address, ada)
  await fetch(`${server.address}/logout`, { headers: bearer(revoked) })
  const acknowledged: string[] = []
  let isWriting = true
  const writing = Promise.all(
    [0, 1].map(async (writer) => {
      for (let index = 0; isWriting; index++) {
        const user = { ...ada, email: `${writer}-${index}@example.com` }
        const { status } = await postJson(`${server.address}/register`, user)
        if (status === 201) acknowledged.push(user.email)
      }
    }),
  )
  await until(() => acknowledged.length >= 5)
  const before = [...acknowledged]

  const { code, stdout, stderr } = await postern(['backup', 'backups/postern.db'], { cwd })

  isWriting = false
  await writing
  await server.stop()
  t.equal(code, 0, stderr)
  t.match(stdout, /^backups\/postern\.db: \d+ users, 0\.\d MB\n$/)
  t.match(stderr, 'with the secret in ./data/postern.db.secret: back that up too')
  t.same(readdirSync(join(cwd, 'backups')), ['postern.db'])
  t.equal(statSync(join(cwd, 'backups', 'postern.db')).mode & 0o777, 0o600)

  const restored = join(cwd, 'restored')
  mkdirSync(join(restored, 'data'), { recursive: true })
  copyFileSync(join(cwd, 'backups', 'postern.db'), join(restored, 'data', 'postern.db'))
  copyFileSync(join(cwd, 'data', 'postern.db.secret'), join(restored, 'data', 'postern.db.secret'))
  const again = await startServer(t, { cwd: restored })
  const status = async (each: string) =>
    (await fetch(`${again.address}/getUser`, { headers: bearer(each) })).status
  t.same([await status(token), await status(revoked)], [200, 401])
  t.equal(await status(await logInAt(again.address, ada)), 200)
  await again.stop()
  const db = new SqliteDriver(join(restored, 'data', 'postern.db'))
  const emails = new Set(db.prepare('select email from users').pluck().all())
  db.close()
  t.same(
    before.filter((email) => !emails.has(email)),
    [],
    'every user acknowledged before the backup is there',
  )
})

t.test('overwrites no file, and leaves none behind if it fails', async (t) => {
  const cwd = t.testdir({ there: 'an older backup', 'not.db': 'x'.repeat(5000) })
  await postern(['migrate'], { cwd })
  const files = readdirSync(cwd)

  const there = await postern(['backup', 'there'], { cwd })
  t.equal(there.code, 1)
  t.match(there.stderr, 'there already exists. It was left unchanged')
  t.equal(readFileSync(join(cwd, 'there'), 'utf8'), 'an older backup')

  const damaged = await postern(['backup', 'new'], { cwd, env: { DATABASE_URL: 'not.db' } })
  t.equal(damaged.code, 1)
  t.match(damaged.stderr, 'not a database')

  writeFileSync(join(cwd, 'empty.db'), '')
  const other = await postern(['backup', 'new'], { cwd, env: { DATABASE_URL: 'empty.db' } })
  t.equal(other.code, 1)
  t.match(other.stderr, 'no such table: users')

  const nowhere = await postern(['backup', 'no/such/directory'], { cwd })
  t.equal(nowhere.code, 1)
  t.match(nowhere.stderr, 'ENOENT')
  t.same(readdirSync(cwd), [...files, 'empty.db'].sort())

  const none = await postern(['backup', 'new'], { cwd, env: { DATABASE_URL: 'nowhere.db' } })
  t.match([none.code, none.stderr], [1, 'There is no database at nowhere.db'])
  t.equal((await postern(['backup'], { cwd })).code, 2)
})

t.test('copies the database of an older version unchanged', async (t) => {
  const cwd = t.testdir()
  await postern(['migrate'], { cwd })
  const path = join(cwd, 'data', 'postern.db')
  const db = new SqliteDriver(path)
  db.exec(
    'delete from postern_migrations where created_at = (select max(created_at) from postern_migrations)',
  )
  db.close()

  t.equal((await postern(['backup', 'old.db'], { cwd })).code, 0)

  t.same(readdirSync(join(cwd, 'data')), ['postern.db', 'postern.db.secret'])
  const count = (file: string) => {
    const opened = new SqliteDriver(file, { readonly: true })
    const rows = opened.prepare('select count(*) from postern_migrations').pluck().get()
    opened.close()
    return rows
  }
  t.equal(count(join(cwd, 'old.db')), count(path))
})

t.test('names pg_dump for PostgreSQL, without the password', async (t) => {
  const env = { DATABASE_URL: 'postgres://u:a-password@127.0.0.1:1/d', SECRET_KEY: 'x'.repeat(32) }

  const { code, stdout, stderr } = await postern(['backup', 'new'], { cwd: t.testdir(), env })

  t.same([code, stdout], [1, ''])
  t.match(stderr, 'pg_dump --format=custom --schema=postern --file=FILE "$DATABASE_URL"')
  t.notMatch(stderr, 'a-password')
})
