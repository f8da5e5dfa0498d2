import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { postern } from '../cli.ts'
import { runServer } from '../server-process.ts'
import type { Beside } from '../shared-database.ts'
import { openSqliteBeside } from '../sqlite-beside.ts'
import { assertServes, issueToken, NEW, opensAll, sealFirstKey } from './reseal-scene.ts'

interface Scene {
  cwd: string
  /** The file with the secret. */
  secretPath: string
  db: Beside
  /** A token that was issued before. */
  token: string
}

/** A stopped deployment, whose secret is in a file beside its database. */
async function setScene(t: Test): Promise<Scene> {
  const cwd = t.testdir()
  const token = await issueToken(t, { cwd })
  const path = join(cwd, 'data', 'postern.db')
  return { cwd, secretPath: `${path}.secret`, db: openSqliteBeside(t, path), token }
}

t.test('replaces the stored secret by a random one', async (t) => {
  const { cwd, secretPath, db, token } = await setScene(t)
  const before = readFileSync(secretPath, 'utf8').trim()

  const { code, stdout, stderr } = await postern(['keys', 'reseal'], { cwd })

  t.same([code, stderr], [0, ''])
  const after = readFileSync(secretPath, 'utf8').trim()
  t.not(after, before)
  t.match(after, /^[\w-]{43}$/)
  t.equal(statSync(secretPath).mode & 0o777, 0o600)
  t.notOk(existsSync(`${secretPath}.new`))
  t.notOk((stdout + stderr).includes(after), 'it is not shown')
  t.equal(await opensAll(db, before), false)
  t.equal(await opensAll(db, after), true)
  await assertServes(t, { cwd }, token)
})

t.test('replaces the stored secret by a given one', async (t) => {
  const { cwd, secretPath, db, token } = await setScene(t)

  const { code } = await postern(['keys', 'reseal'], { cwd, env: { NEW_SECRET_KEY: NEW } })

  t.equal(code, 0)
  t.equal(readFileSync(secretPath, 'utf8').trim(), NEW)
  t.equal(await opensAll(db, NEW), true)
  await assertServes(t, { cwd }, token)
})

t.test('continues after an interruption, with the same new secret', async (t) => {
  const { cwd, secretPath, db, token } = await setScene(t)
  const before = readFileSync(secretPath, 'utf8').trim()
  writeFileSync(`${secretPath}.new`, `${NEW}\n`, { mode: 0o600 })
  await sealFirstKey(db, before, NEW)
  for (const secret of [before, NEW]) t.equal(await opensAll(db, secret), false)

  const { code } = await postern(['keys', 'reseal'], { cwd })

  t.equal(code, 0)
  t.equal(readFileSync(secretPath, 'utf8').trim(), NEW)
  t.notOk(existsSync(`${secretPath}.new`))
  t.equal(await opensAll(db, NEW), true)
  await assertServes(t, { cwd }, token)
})

t.test('refuses a database without its stored secret, and creates no new one', async (t) => {
  const { cwd, secretPath } = await setScene(t)
  rmSync(secretPath)

  const server = await runServer(t, { cwd })
  const command = await postern(['keys', 'rotate'], { cwd })

  for (const { code, stderr } of [server, command]) {
    t.equal(code, 1)
    t.match(stderr, 'SECRET_KEY')
    t.match(stderr, secretPath.slice(cwd.length + 1))
  }
  t.notOk(existsSync(secretPath))
})
