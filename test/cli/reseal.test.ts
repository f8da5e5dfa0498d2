import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createSealer } from '../../plugins/sealing.ts'
import { postern } from '../cli.ts'
import { decodeHeader, stealKeys } from '../forge.ts'
import { ada, bearer } from '../helper.ts'
import { LEAD, setBack } from '../plugins/key-scene.ts'
import { logInAt, postJson, runServer, startServer } from '../process.ts'
import { openSqliteBeside } from '../sqlite-beside.ts'

const OLD = 'the former secret, of 32 bytes or more'
const NEW = 'the secret to come, of 32 bytes or more'

interface Scene {
  cwd: string
  /** The database's file, and that of a kept secret. */
  path: string
  secretPath: string
  /** A token that was issued before. */
  token: string
}

/** A deployment with two keys and a token, whose service has stopped. */
async function setScene(t: Test, env: Record<string, string> = {}): Promise<Scene> {
  const cwd = t.testdir()
  const server = await startServer(t, { cwd, env })
  await postJson(`${server.address}/register`, ada)
  const token = await logInAt(server.address, ada)
  await postern(['keys', 'rotate'], { cwd, env })
  await server.stop()
  const path = join(cwd, 'data', 'postern.db')
  return { cwd, path, secretPath: `${path}.secret`, token }
}

/** Whether a secret opens every key in the database. */
async function opensAll(t: Test, path: string, secret: string): Promise<boolean> {
  try {
    return (await stealKeys(openSqliteBeside(t, path), secret)).length >= 2
  } catch {
    return false
  }
}

/** Asserts that the service starts, admits the token of before, and issues others. */
async function assertServes(t: Test, { cwd, token }: Scene, env: Record<string, string> = {}): Promise<void> {
  const { address, stop } = await startServer(t, { cwd, env })
  for (const each of [token, await logInAt(address, ada)]) {
    t.equal((await fetch(`${address}/getUser`, { headers: bearer(each) })).status, 200)
  }
  await stop()
}

t.test('replaces a kept secret by a random one', async (t) => {
  const scene = await setScene(t)
  const before = readFileSync(scene.secretPath, 'utf8').trim()

  const { code, stdout, stderr } = await postern(['keys', 'reseal'], scene)

  t.same([code, stderr], [0, ''])
  const after = readFileSync(scene.secretPath, 'utf8').trim()
  t.not(after, before)
  t.match(after, /^[\w-]{43}$/)
  t.equal(statSync(scene.secretPath).mode & 0o777, 0o600)
  t.notOk(existsSync(`${scene.secretPath}.new`))
  t.notOk((stdout + stderr).includes(after), 'it is not shown')
  t.equal(await opensAll(t, scene.path, before), false)
  t.equal(await opensAll(t, scene.path, after), true)
  await assertServes(t, scene)
})

t.test('replaces a kept secret by a given one', async (t) => {
  const scene = await setScene(t)

  const { code } = await postern(['keys', 'reseal'], { ...scene, env: { NEW_SECRET_KEY: NEW } })

  t.equal(code, 0)
  t.equal(readFileSync(scene.secretPath, 'utf8').trim(), NEW)
  t.equal(await opensAll(t, scene.path, NEW), true)
  await assertServes(t, scene)
})

t.test('seals under another SECRET_KEY, with which the service is then to start', async (t) => {
  const scene = await setScene(t, { SECRET_KEY: OLD })

  const missing = await postern(['keys', 'reseal'], { ...scene, env: { SECRET_KEY: OLD } })
  t.equal(missing.code, 1)
  t.match(missing.stderr, 'NEW_SECRET_KEY must be set')
  const short = await postern(['keys', 'reseal'], {
    ...scene,
    env: { SECRET_KEY: OLD, NEW_SECRET_KEY: 'too short' },
  })
  t.equal(short.code, 1)
  t.match(short.stderr, 'NEW_SECRET_KEY must be a text of 32 bytes or more')
  const wrong = await postern(['keys', 'reseal'], {
    ...scene,
    env: { SECRET_KEY: `not ${OLD}`, NEW_SECRET_KEY: NEW },
  })
  t.equal(wrong.code, 1)
  t.match(wrong.stderr, 'SECRET_KEY is not the one')
  t.equal(await opensAll(t, scene.path, OLD), true, 'nothing has changed so far')

  const env = { SECRET_KEY: OLD, NEW_SECRET_KEY: NEW }
  const { code, stdout, stderr } = await postern(['keys', 'reseal'], { ...scene, env })

  t.same([code, stderr], [0, ''])
  t.notOk(stdout.includes(NEW))
  t.equal(await opensAll(t, scene.path, NEW), true)
  t.notOk(existsSync(scene.secretPath))
  const former = await runServer(t, { ...scene, env: { SECRET_KEY: OLD } })
  t.equal(former.code, 1)
  t.match(former.stderr, 'SECRET_KEY is not the one that sealed the signing keys in this database')
  t.notMatch(former.stderr, OLD)
  t.notMatch(former.stderr, /^ +at /m, 'no stack')
  await assertServes(t, scene, { SECRET_KEY: NEW })
})

/** Leaves the database as an interruption does, with one of two keys sealed anew. */
async function sealFirstKey(t: Test, path: string, from: string, to: string): Promise<void> {
  const db = openSqliteBeside(t, path)
  const [key] = await stealKeys(db, from)
  if (!key) throw new Error('There is no key')
  const sealed = createSealer(to).seal(key.privateKey, key.kid)
  await db.run('update signing_keys set sealed_private_key = ? where kid = ?', sealed, key.kid)
}

t.test('goes on where it was interrupted, with the same new secret', async (t) => {
  const scene = await setScene(t)
  const before = readFileSync(scene.secretPath, 'utf8').trim()
  writeFileSync(`${scene.secretPath}.new`, `${NEW}\n`, { mode: 0o600 })
  await sealFirstKey(t, scene.path, before, NEW)
  for (const secret of [before, NEW]) t.equal(await opensAll(t, scene.path, secret), false)

  const { code } = await postern(['keys', 'reseal'], scene)

  t.equal(code, 0)
  t.equal(readFileSync(scene.secretPath, 'utf8').trim(), NEW)
  t.notOk(existsSync(`${scene.secretPath}.new`))
  t.equal(await opensAll(t, scene.path, NEW), true)
  await assertServes(t, scene)
})

t.test('goes on where it was interrupted, when told the same secrets', async (t) => {
  const scene = await setScene(t, { SECRET_KEY: OLD })
  await sealFirstKey(t, scene.path, OLD, NEW)

  const interrupted = await runServer(t, { ...scene, env: { SECRET_KEY: OLD } })
  t.equal(interrupted.code, 1)
  t.match(interrupted.stderr, 'SECRET_KEY is not the one')
  const { code } = await postern(['keys', 'reseal'], {
    ...scene,
    env: { SECRET_KEY: OLD, NEW_SECRET_KEY: NEW },
  })

  t.equal(code, 0)
  t.equal(await opensAll(t, scene.path, NEW), true)
  await assertServes(t, scene, { SECRET_KEY: NEW })
})

t.test('makes a new secret a new key of HS256, and lets the former one verify its tokens', async (t) => {
  const env = { ALGORITHM: 'HS256', SECRET_KEY: OLD }
  const cwd = t.testdir()
  const server = await startServer(t, { cwd, env })
  await postJson(`${server.address}/register`, ada)
  const token = await logInAt(server.address, ada)
  await server.stop()

  const resealed = await postern(['keys', 'reseal'], { cwd, env: { ...env, NEW_SECRET_KEY: NEW } })

  t.equal(resealed.code, 0)
  const path = join(cwd, 'data', 'postern.db')
  const db = openSqliteBeside(t, path)
  const keys = await stealKeys(db, NEW)
  t.same(
    keys.map(({ privateKey }) => privateKey),
    [OLD, NEW],
  )
  // Time passes until the new key signs.
  await setBack(db, LEAD)
  const again = await startServer(t, { cwd, env: { ...env, SECRET_KEY: NEW } })
  const after = await logInAt(again.address, ada)
  t.equal(decodeHeader(after)['kid'], keys[1]?.kid)
  for (const each of [token, after]) {
    t.equal((await fetch(`${again.address}/getUser`, { headers: bearer(each) })).status, 200)
  }
})

t.test('lets no key of the former secret sign that was waiting to', async (t) => {
  const env = { ALGORITHM: 'HS256', SECRET_KEY: OLD }
  const cwd = t.testdir()
  await (await startServer(t, { cwd, env })).stop()
  t.equal((await postern(['keys', 'rotate'], { cwd, env })).code, 0)

  t.equal((await postern(['keys', 'reseal'], { cwd, env: { ...env, NEW_SECRET_KEY: NEW } })).code, 0)

  const { stdout } = await postern(['keys', 'list', '--json'], { cwd, env: { ...env, SECRET_KEY: NEW } })
  const keys = JSON.parse(stdout) as { kid: string; state: string }[]
  t.same(
    keys.map(({ state }) => state),
    ['signing', 'retired', 'published'],
  )
  const stolen = await stealKeys(openSqliteBeside(t, join(cwd, 'data', 'postern.db')), NEW)
  t.equal(stolen.at(-1)?.privateKey, NEW)
})

t.test('a database without its kept secret is a clear error, and no new secret is made', async (t) => {
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
