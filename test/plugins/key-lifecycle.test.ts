import t from 'tap'
import { between, DAY, LEAD, MARGIN, SECOND, setScene } from './key-scene.ts'

t.test('creates one key, however many processes start at once', async (t) => {
  const scene = await setScene(t)
  const lifecycles = await Promise.all(Array.from({ length: 10 }, () => scene.open()))

  const signers = await Promise.all(lifecycles.map((lifecycle) => lifecycle.ensureSigner()))

  const [key, ...others] = await scene.keys()
  t.equal(others.length, 0)
  t.same(new Set(signers.map(({ kid }) => kid)), new Set([key?.kid]))
  t.same(await scene.states(), ['signing'])
})

for (const count of [2, 10]) {
  t.test(`creates one next key if ${count} processes rotate at once`, async (t) => {
    const scene = await setScene(t)
    const lifecycles = await Promise.all(Array.from({ length: count }, () => scene.open()))
    await lifecycles[0]?.ensureSigner()

    for (let round = 1; round <= 3; round++) {
      const results = await Promise.all(lifecycles.map((lifecycle) => lifecycle.rotate()))

      const keys = await scene.keys()
      t.equal(keys.length, round + 1)
      t.equal(results.filter(({ created }) => created).length, 1, 'one of them created it')
      t.same(new Set(results.map(({ key }) => key.kid)), new Set([keys.at(-1)?.kid]), 'all of them found it')
      await scene.pass(LEAD)
    }
  })
}

t.test('creates no further key while the next key does not sign', async (t) => {
  const scene = await setScene(t)
  const lifecycle = await scene.open()
  const first = await lifecycle.rotate()
  t.equal(first.created, true)

  const again = await (await scene.open()).rotate()
  await scene.pass(LEAD - SECOND)
  const later = await lifecycle.rotate()

  t.equal(again.created, false)
  t.equal(again.key.kid, first.key.kid)
  t.equal(later.created, false)
  await scene.pass(SECOND)
  t.equal((await lifecycle.rotate()).created, true, 'once it signs')
})

t.test(
  'publishes the next key before it signs, and retires the former key after its last token expires',
  async (t) => {
    const scene = await setScene(t)
    const lifecycle = await scene.open({ accessTokenExpireMinutes: 60 })
    const former = await lifecycle.ensureSigner()

    const { key: next } = await lifecycle.rotate()

    t.ok(Math.abs(between(next.createdAt, next.activatesAt) - LEAD) < SECOND)
    const [ended] = await scene.keys()
    t.equal(between(next.activatesAt, ended?.retiresAt), 3600 * SECOND + MARGIN)
    t.equal(next.retiresAt, null)

    t.same(await scene.states(), ['signing', 'published'])
    t.equal((await lifecycle.ensureSigner()).kid, former.kid)
    await scene.pass(LEAD)
    t.same(await scene.states(), ['verifying', 'signing'])
    t.equal((await lifecycle.ensureSigner()).kid, next.kid)
    await scene.pass(3600 * SECOND)
    t.same(await scene.states(), ['verifying', 'signing'], 'its last token may still be valid')
    await scene.pass(MARGIN)
    t.same(await scene.states(), ['retired', 'signing'])
  },
)

t.test('keeps a key until the longest-lived token of any process has expired', async (t) => {
  const scene = await setScene(t)
  const short = await scene.open({ accessTokenExpireMinutes: 1 })
  await short.ensureSigner()
  await (await scene.open({ accessTokenExpireMinutes: 1440 })).ensureSigner()
  await short.ensureSigner()

  const { key: next } = await short.rotate()

  const [former] = await scene.keys()
  t.equal(former?.maxTokenLifetime, 86_400)
  t.equal(between(next.activatesAt, former?.retiresAt), DAY + MARGIN)
})

t.test('does not sign with a key that is retired before the token expires', async (t) => {
  const scene = await setScene(t)
  const former = await (await scene.open({ accessTokenExpireMinutes: 1 })).ensureSigner()
  const { key: next } = await (await scene.open({ accessTokenExpireMinutes: 1 })).rotate()

  const signer = await (await scene.open({ accessTokenExpireMinutes: 1440 })).ensureSigner()

  t.equal(signer.kid, next.kid)
  t.not(signer.kid, former.kid)
  t.ok(signer.activatesAt <= new Date(), 'the next key signs earlier instead')
  t.equal((await scene.keys()).at(-1)?.maxTokenLifetime, 86_400)
})

t.test('sets the retirement of a key whose rotation was interrupted', async (t) => {
  const scene = await setScene(t)
  const lifecycle = await scene.open()
  await lifecycle.rotate()
  const [expected] = await scene.keys()
  await scene.db.run('update signing_keys set retires_at = null')

  await (await scene.open()).maintain(Number.POSITIVE_INFINITY)

  const [former, next] = await scene.keys()
  t.same(former?.retiresAt, expected?.retiresAt)
  t.equal(next?.retiresAt, null)
})

t.test('replaces a key of the given age, and no younger key', async (t) => {
  const scene = await setScene(t)
  const lifecycle = await scene.open()
  await lifecycle.ensureSigner()

  await scene.pass(30 * DAY - SECOND * 60)
  await lifecycle.maintain(30 * DAY)
  t.equal((await scene.keys()).length, 1)
  await scene.pass(SECOND * 60)
  await Promise.all([lifecycle.maintain(30 * DAY), (await scene.open()).maintain(30 * DAY)])
  t.same(await scene.states(), ['signing', 'published'])
  await lifecycle.maintain(30 * DAY)
  t.equal((await scene.keys()).length, 2, 'the next key is too young')
})

t.test('exactly one key signs at any time during ten rotations', async (t) => {
  const scene = await setScene(t)
  const lifecycle = await scene.open()
  await lifecycle.ensureSigner()

  for (let round = 1; round <= 10; round++) {
    await lifecycle.rotate()
    for (let step = 0; step < 11; step++) {
      const states = await scene.states()
      t.equal(states.filter((state) => state === 'signing').length, 1, `round ${round}, step ${step}`)
      await scene.pass(LEAD / 10)
    }
  }
  const keys = await scene.keys()
  t.equal(keys.length, 11)
  for (const [index, key] of keys.slice(0, -1).entries()) {
    const next = keys[index + 1]
    t.equal(next?.predecessor, key.kid)
    t.equal(between(next?.activatesAt, key.retiresAt), 900 * SECOND + MARGIN)
    // A command's argument that begins with a hyphen would be taken for an option.
    t.match(key.kid, /^[0-9a-f]{24}$/)
  }
})
