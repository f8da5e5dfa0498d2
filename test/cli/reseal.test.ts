import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { postern, posternJson } from '../cli.ts'
import { createEvent, createSigningKey } from '../drizzle/rows.ts'
import { decodeHeader, sealAsBefore, stealKeys } from '../forge.ts'
import { ada, bearer } from '../helper.ts'
import { LEAD, setBack } from '../plugins/key-scene.ts'
import { logInAt, runServer, startServer } from '../server-process.ts'
import { withClockAhead } from '../shifted-clock.ts'
import { openPlace } from './places.ts'
import { assertServes, issueToken, NEW, opensAll, sealFirstKey } from './reseal-scene.ts'
import { lookInto, onEachDatabase } from './user-scene.ts'

onEachDatabase(
  t,
  'seals the keys with another SECRET_KEY, with which the service then starts',
  async (t, scene) => {
    const { cwd, env } = scene
    const { SECRET_KEY: OLD = '' } = env
    const token = await issueToken(t, scene)
    const db = lookInto(t, scene)

    const missing = await postern(['keys', 'reseal'], scene)
    t.equal(missing.code, 1)
    t.match(missing.stderr, 'NEW_SECRET_KEY must be set')
    const short = await postern(['keys', 'reseal'], { cwd, env: { ...env, NEW_SECRET_KEY: 'too short' } })
    t.equal(short.code, 1)
    t.match(short.stderr, 'NEW_SECRET_KEY must be a text of 32 bytes or more')
    const wrong = await postern(['keys', 'reseal'], {
      cwd,
      env: { ...env, SECRET_KEY: `not ${OLD}`, NEW_SECRET_KEY: NEW },
    })
    t.equal(wrong.code, 1)
    t.match(wrong.stderr, 'SECRET_KEY is not the one')
    t.equal(await opensAll(db, OLD), true, 'nothing has changed so far')

    const { code, stdout, stderr } = await postern(['keys', 'reseal'], {
      cwd,
      env: { ...env, NEW_SECRET_KEY: NEW },
    })

    t.same([code, stderr], [0, ''])
    t.notOk(stdout.includes(NEW))
    t.equal(await opensAll(db, NEW), true)
    t.notOk(existsSync(join(cwd, 'postern.db.secret')))
    const former = await runServer(t, scene)
    t.equal(former.code, 1)
    t.match(former.stderr, 'SECRET_KEY is not the one that sealed the signing keys in this database')
    t.notMatch(former.stderr, OLD)
    t.notMatch(former.stderr, /^ +at /m, 'no stack')
    await assertServes(t, { cwd, env: { ...env, SECRET_KEY: NEW } }, token)
  },
)

onEachDatabase(t, 'seals in the present form what was sealed before, retired keys too', async (t, scene) => {
  const { cwd, env } = scene
  const token = await issueToken(t, scene)
  const db = lookInto(t, scene)
  const keys = await stealKeys(db, env['SECRET_KEY'] ?? '')
  for (const key of keys) {
    const sealed = sealAsBefore(env['SECRET_KEY'] ?? '', key)
    await db.run('update signing_keys set sealed_private_key = ? where kid = ?', sealed, key.kid)
  }
  const retired = createSigningKey({ kid: 'long-ago', retiresAt: new Date(0) })
  const database = await openPlace(t, env)
  await database.signingKeys.insert(retired, createEvent())

  const { code, stderr } = await postern(['keys', 'reseal'], { cwd, env: { ...env, NEW_SECRET_KEY: NEW } })

  t.same([code, stderr], [0, ''])
  const sealed = await db.all('select kid, sealed_private_key from signing_keys')
  for (const { kid, sealed_private_key: text } of sealed) {
    if (kid === retired.kid) t.equal(text, retired.sealedPrivateKey, 'nothing opens it, and nothing needs it')
    else t.match(text, /^v2\./)
  }
  await db.run('delete from signing_keys where kid = ?', retired.kid)
  t.same(await stealKeys(db, NEW), keys)
  await assertServes(t, { cwd, env: { ...env, SECRET_KEY: NEW } }, token)
})

onEachDatabase(t, 'reseals every key that another clock still needs', async (t, scene) => {
  const { cwd, env } = scene
  const token = await issueToken(t, scene)
  const resealing = withClockAhead({ cwd, env: { ...env, NEW_SECRET_KEY: NEW } }, 3 * 3_600_000)

  t.equal((await postern(['keys', 'reseal'], resealing)).code, 0)

  await assertServes(t, { cwd, env: { ...env, SECRET_KEY: NEW } }, token)
})

onEachDatabase(t, 'continues after an interruption, with the same secrets', async (t, scene) => {
  const { cwd, env } = scene
  const token = await issueToken(t, scene)
  const db = lookInto(t, scene)
  await sealFirstKey(db, env['SECRET_KEY'] ?? '', NEW)

  const interrupted = await runServer(t, scene)
  t.equal(interrupted.code, 1)
  t.match(interrupted.stderr, 'SECRET_KEY is not the one')
  const { code } = await postern(['keys', 'reseal'], { cwd, env: { ...env, NEW_SECRET_KEY: NEW } })

  t.equal(code, 0)
  t.equal(await opensAll(db, NEW), true)
  await assertServes(t, { cwd, env: { ...env, SECRET_KEY: NEW } }, token)
})

onEachDatabase(
  t,
  'creates a new HS256 key from a new secret, and lets the former one verify its tokens',
  async (t, { cwd, ...scene }) => {
    const { SECRET_KEY: OLD } = scene.env
    const env = { ...scene.env, ALGORITHM: 'HS256' }
    const token = await issueToken(t, { cwd, env }, { keys: 1 })
    const db = lookInto(t, { cwd, env })

    const resealed = await postern(['keys', 'reseal'], { cwd, env: { ...env, NEW_SECRET_KEY: NEW } })

    t.equal(resealed.code, 0)
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
  },
)

onEachDatabase(t, 'deletes a waiting HS256 key of the former secret', async (t, { cwd, ...scene }) => {
  const env = { ...scene.env, ALGORITHM: 'HS256' }
  await issueToken(t, { cwd, env })

  t.equal((await postern(['keys', 'reseal'], { cwd, env: { ...env, NEW_SECRET_KEY: NEW } })).code, 0)

  const keys = await posternJson(['keys', 'list'], { cwd, env: { ...env, SECRET_KEY: NEW } })
  t.same(
    keys.map(({ state }) => state),
    ['signing', 'published'],
  )
  const stolen = await stealKeys(lookInto(t, { cwd, env }), NEW)
  t.equal(stolen.at(-1)?.privateKey, NEW)
})
