import t, { type Test } from 'tap'
import { decodeHeader } from '../forge.ts'
import { bearer, createApp, createToken, logIn } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'
import { between, DAY, LEAD, MARGIN, SECOND, setBack, setScene } from './key-scene.ts'

t.test('signs with the next key at once if the signing key is retired', async (t) => {
  const scene = await setScene(t)
  const lifecycle = await scene.open()
  const leaked = await lifecycle.ensureSigner()
  const { key: next } = await lifecycle.rotate()

  await scene.retire(leaked.kid)

  t.equal((await lifecycle.ensureSigner()).kid, next.kid)
  t.same(await scene.states(), ['retired', 'signing'])
})

t.test('creates exactly one key, which signs at once, if the only key is retired', async (t) => {
  const scene = await setScene(t)
  const lifecycles = await Promise.all(Array.from({ length: 10 }, () => scene.open()))
  const leaked = await lifecycles[0]?.ensureSigner()

  await scene.retire(leaked?.kid ?? '')

  const signers = await Promise.all(lifecycles.map((lifecycle) => lifecycle.ensureSigner()))
  t.same(await scene.states(), ['retired', 'signing'])
  t.same(new Set(signers.map(({ kid }) => kid)), new Set([(await scene.keys()).at(-1)?.kid]))
})

t.test('creates another next key if the next key is retired', async (t) => {
  const scene = await setScene(t)
  const lifecycle = await scene.open()
  const signer = await lifecycle.ensureSigner()
  const { key: leaked } = await lifecycle.rotate()

  await scene.retire(leaked.kid)

  t.same(await scene.states(), ['signing'], 'it has never signed, so no token needs it')
  const { key: next, created } = await lifecycle.rotate()
  t.equal(created, true)
  t.not(next.kid, leaked.kid)
  t.same(await scene.states(), ['signing', 'published'])
  t.equal((await lifecycle.ensureSigner()).kid, signer.kid)
  await scene.pass(LEAD)
  t.equal((await lifecycle.ensureSigner()).kid, next.kid)
})

t.test('a key whose successor is retired before it signs goes on, as if there had been none', async (t) => {
  const scene = await setScene(t)
  const [lifecycle, beside] = await Promise.all([scene.open(), scene.open()])
  const signer = await lifecycle.ensureSigner()
  const { key: leaked } = await lifecycle.rotate()
  t.not((await scene.keys())[0]?.retiresAt, null)

  await scene.retire(leaked.kid)

  for (let hour = 0; hour < 5; hour++) {
    for (const each of [lifecycle, beside]) {
      await each.maintain(Number.POSITIVE_INFINITY)
      t.equal((await each.ensureSigner()).kid, signer.kid, 'no other key signs unpublished')
    }
    t.match(await scene.keys(), [{ kid: signer.kid, retiresAt: null }])
    await scene.pass(3600 * SECOND)
  }
  const { key: next } = await beside.rotate()
  t.same(await scene.states(), ['signing', 'published'])
  t.equal(between(next.activatesAt, (await scene.keys())[0]?.retiresAt), 900 * SECOND + MARGIN)
})

t.test('a leaked key does not come back if its successor is retired too', async (t) => {
  for (const signsEarly of [false, true]) {
    const scene = await setScene(t)
    const lifecycle = await scene.open()
    const leaked = await lifecycle.ensureSigner()
    const { key: next } = await lifecycle.rotate()
    await scene.retire(leaked.kid)
    if (signsEarly) t.equal((await lifecycle.ensureSigner()).kid, next.kid)

    await scene.retire(next.kid)

    const signer = await lifecycle.ensureSigner()
    t.notOk([leaked.kid, next.kid].includes(signer.kid))
    t.same(await scene.states(), signsEarly ? ['retired', 'retired', 'signing'] : ['retired', 'signing'])
  }
})

t.test('a key that signs stays on record when it is retired, and its predecessor ends', async (t) => {
  const scene = await setScene(t)
  const lifecycle = await scene.open()
  await lifecycle.ensureSigner()
  const { key: leaked } = await lifecycle.rotate()
  await scene.pass(LEAD)
  const end = (await scene.keys())[0]?.retiresAt

  await scene.retire(leaked.kid)

  t.same(await scene.states(), ['verifying', 'retired'])
  t.same((await scene.keys())[0]?.retiresAt, end)
})

t.test('signs with another key if the waiting one is retired before it can sign early', async (t) => {
  const scene = await setScene(t)
  const leaked = await (await scene.open()).ensureSigner()
  const { key: next } = await (await scene.open()).rotate()
  await scene.retire(leaked.kid)
  const lifecycle = await scene.open({ before: { activate: () => scene.retire(next.kid) } })

  const signer = await lifecycle.ensureSigner()

  t.equal(signer.predecessor, leaked.kid)
  t.same(await scene.states(), ['retired', 'signing'])
})

t.test('plans no end for a key whose successor is retired meanwhile', async (t) => {
  const scene = await setScene(t)
  await (await scene.open()).ensureSigner()
  const retireLast = async () => await scene.retire((await scene.keys()).at(-1)?.kid ?? '')
  const lifecycle = await scene.open({ before: { end: retireLast } })

  await lifecycle.rotate()

  t.match(await scene.keys(), [{ retiresAt: null }])
  t.same(await scene.states(), ['signing'])
})

t.test('creates the next key after the one that is still there', async (t) => {
  const scene = await setScene(t)
  const beside = await scene.open()
  const signer = await beside.ensureSigner()
  const { key: next } = await beside.rotate()
  await scene.pass(LEAD)
  const deleteNext = () => scene.db.run('delete from signing_keys where kid = ?', next.kid)
  const lifecycle = await scene.open({ before: { insertSuccessor: deleteNext } })

  const { key, created } = await lifecycle.rotate()

  t.equal(created, true)
  t.equal(key.predecessor, signer.kid)
})

t.test('keys that are rotated, maintained and retired at once stay one chain', async (t) => {
  const scene = await setScene(t)
  const lifecycles = await Promise.all(Array.from({ length: 4 }, () => scene.open()))
  await lifecycles[0]?.ensureSigner()

  for (let round = 0; round < 12; round++) {
    const waiting = (await scene.keys()).at(-1)?.kid ?? ''
    const isWaiting = (await scene.states()).at(-1) === 'published'
    const retire = async () => void (isWaiting && (await scene.retire(waiting)))
    await Promise.all([
      ...lifecycles.map((lifecycle) => lifecycle.rotate()),
      retire(),
      ...lifecycles.map((lifecycle) => lifecycle.maintain(DAY)),
      ...lifecycles.map((lifecycle) => lifecycle.ensureSigner()),
    ])
    const keys = await scene.keys()
    const states = await scene.states()
    t.equal(states.filter((state) => state === 'signing').length, 1, `round ${round}`)
    const heads = keys.filter(({ kid }) => !keys.some(({ predecessor }) => predecessor === kid))
    t.equal(heads.length, 1, 'one key has no successor')
    t.equal(heads[0]?.retiresAt, null, 'and no end')
    if (round % 3 === 0) await scene.pass(LEAD)
  }
})

t.test('a retired key stays retired after rotations', async (t) => {
  const scene = await setScene(t)
  const lifecycle = await scene.open()
  const leaked = await lifecycle.ensureSigner()
  await scene.retire(leaked.kid)

  for (let round = 0; round < 3; round++) {
    await lifecycle.rotate()
    await lifecycle.maintain(DAY)
    await scene.pass(LEAD)
  }

  t.equal((await scene.states())[0], 'retired')
})

t.test('retires the key of a former algorithm after its last token expires, not before', async (t) => {
  const scene = await setScene(t)
  const before = await scene.open({ accessTokenExpireMinutes: 60 })
  await before.ensureSigner()

  const now = await scene.open({ algorithm: 'EdDSA' })
  await now.ensureSigner()
  const changed = new Date()
  await now.maintain(Number.POSITIVE_INFINITY)

  const [former] = await scene.keys()
  const left = between(changed, former?.retiresAt) - (3600 * SECOND + MARGIN)
  t.ok(left >= 0 && left < 10 * SECOND)
  t.same(await scene.states(), ['verifying', 'signing'])

  await scene.pass(1800 * SECOND)
  const due = (await scene.keys())[0]?.retiresAt
  await now.maintain(Number.POSITIVE_INFINITY)
  t.same((await scene.keys())[0]?.retiresAt, due, 'further maintenance does not delay it')
  await scene.pass(1800 * SECOND + MARGIN + 10 * SECOND)
  t.same(await scene.states(), ['retired', 'signing'])
})

t.test('returns to a former algorithm with a new key', async (t) => {
  const scene = await setScene(t)
  const first = await (await scene.open()).ensureSigner()
  const other = await scene.open({ algorithm: 'RS256' })
  await other.ensureSigner()
  await other.maintain(Number.POSITIVE_INFINITY)
  await scene.pass(DAY)

  const back = await scene.open()
  const signer = await back.ensureSigner()
  await back.maintain(Number.POSITIVE_INFINITY)

  t.not(signer.kid, first.kid)
  t.same(
    (await scene.keys()).map(({ algorithm }) => algorithm),
    ['ES256', 'RS256', 'ES256'],
  )
  t.same(await scene.states(), ['retired', 'verifying', 'signing'])
})

t.test('deletes keys that ended long ago, but never one that the next key follows', async (t) => {
  const scene = await setScene(t)
  const former = await (await scene.open({ algorithm: 'RS256' })).ensureSigner()
  const lifecycle = await scene.open()
  for (let round = 0; round < 3; round++) {
    await lifecycle.rotate()
    await scene.pass(LEAD)
  }
  await lifecycle.maintain(Number.POSITIVE_INFINITY)
  const [first = '', second = '', third = '', last = ''] = (await scene.keys())
    .filter(({ algorithm }) => algorithm === 'ES256')
    .map(({ kid }) => kid)
  await scene.retire(second)
  const kids = async () => (await scene.keys()).map(({ kid }) => kid)

  for (const [days, kept] of [
    [29, [former.kid, first, second, third, last]],
    [2, [former.kid, last]],
    [400, [former.kid, last]],
  ] as const) {
    await scene.pass(days * DAY)
    await scene.prune()
    t.same(await kids(), kept)
  }
  t.same(await scene.states(), ['retired', 'signing'])
  const { key: next } = await lifecycle.rotate()
  t.equal(next.predecessor, last)
  const again = await scene.open({ algorithm: 'RS256' })
  t.equal((await again.ensureSigner()).predecessor, former.kid)
})

async function publishedKids(t: Test, settings: Record<string, string>): Promise<string[]> {
  const app = await createApp(t, settings)
  const { keys } = (await app.inject('/.well-known/jwks.json')).json()
  await app.close()
  return keys.map(({ kid }: { kid: string }) => kid)
}

t.test('a service with KEY_ROTATION_DAYS replaces an old key when it starts', async (t) => {
  const settings = await sharedSettings(t)
  const [first] = await publishedKids(t, settings)
  const db = openBeside(t, settings)
  const age = (milliseconds: number) => setBack(db, milliseconds)

  await age(30 * DAY - 60 * SECOND)
  t.same(await publishedKids(t, { ...settings, KEY_ROTATION_DAYS: '30' }), [first], 'not yet')
  await age(60 * SECOND)
  t.same(await publishedKids(t, settings), [first], 'not without the setting')
  const [same, next] = await publishedKids(t, { ...settings, KEY_ROTATION_DAYS: '30' })
  t.equal(same, first)
  t.type(next, 'string')
  t.same(await publishedKids(t, { ...settings, KEY_ROTATION_DAYS: '30' }), [first, next], 'once')
})

t.test('a running service sees keys that are created and retired beside it', async (t) => {
  const settings = await sharedSettings(t)
  const [app, beside] = await Promise.all([createApp(t, settings), createApp(t, settings)])
  const db = openBeside(t, settings)
  const old = await createToken(app)
  t.equal((await beside.inject({ url: '/verify', headers: bearer(old) })).statusCode, 200)

  await db.run('update signing_keys set retires_at = ?', new Date())

  for (const instance of [app, beside]) {
    t.equal((await instance.inject({ url: '/verify', headers: bearer(old) })).statusCode, 401)
  }
  const token = await logIn(app)
  t.not(decodeHeader(token)['kid'], decodeHeader(old)['kid'])
  for (const instance of [beside, app]) {
    t.equal((await instance.inject({ url: '/verify', headers: bearer(token) })).statusCode, 200)
  }
})
