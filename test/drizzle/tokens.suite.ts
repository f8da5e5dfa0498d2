import type { Test } from 'tap'
import {
  after,
  ago,
  createBlacklistedToken,
  createEvent,
  createEventNow,
  createSigningKey,
  createUser,
  HOUR,
  readPrincipal,
} from './rows.ts'
import type { OpenEmpty } from './users.suite.ts'

/** What every database must do for revoked tokens, signing keys and clients. */
export function testTokens(t: Test, openEmpty: OpenEmpty, kind: string): void {
  t.test('records a revocation once, even if it is repeated', async (t) => {
    const { users, blacklistedTokens, principals } = await openEmpty(t)
    const user = createUser()
    await users.insert(user, createEvent())
    const token = createBlacklistedToken({ userId: user.id, expiresAt: ago(1) })

    await Promise.all([1, 2, 3].map(() => blacklistedTokens.insert(token, createEventNow())))
    await blacklistedTokens.insert({ ...token, expiresAt: ago(3) }, createEventNow())

    const found = await readPrincipal(principals, { userId: user.id, jti: token.jti, kid: '' })
    t.equal(found?.blacklistedJti, token.jti)
    t.equal(await blacklistedTokens.prune(2 * HOUR, 10), 0, 'the first record is unchanged')
    t.equal(await blacklistedTokens.prune(HOUR / 2, 10), 1)
  })

  t.test('records a revocation whose user was deleted', async (t) => {
    const { blacklistedTokens } = await openEmpty(t)

    const token = createBlacklistedToken({ userId: 'nobody', expiresAt: ago(1) })
    await blacklistedTokens.insert(token, createEventNow())

    t.equal(await blacklistedTokens.prune(0, 10), 1)
  })

  t.test('prunes tokens that expired long ago, at most as many as told', async (t) => {
    const { blacklistedTokens } = await openEmpty(t)
    for (const expiresAt of [5, 4, 4, 2, -1].map(ago)) {
      await blacklistedTokens.insert(createBlacklistedToken({ expiresAt }), createEventNow())
    }

    t.equal(await blacklistedTokens.prune(3 * HOUR, 2), 2)
    t.equal(await blacklistedTokens.prune(3 * HOUR, 2), 1)
    t.equal(await blacklistedTokens.prune(3 * HOUR, 2), 0, 'one that expired less long ago stays')
    t.equal(await blacklistedTokens.prune(0, 10), 1, 'and one that has not expired')
  })

  t.test('prunes by a clock that is never ahead of the truth', async (t) => {
    const { auditEvents, blacklistedTokens, withSnapshot } = await openEmpty(t)
    const token = createBlacklistedToken({ expiresAt: ago(-1) })
    const event = createEventNow()
    await blacklistedTokens.insert(token, event)
    const { now } = Date
    t.teardown(() => {
      Date.now = now
    })

    for (const shift of [10 * HOUR, -10 * HOUR]) {
      Date.now = () => now() + shift
      t.equal(await blacklistedTokens.prune(0, 10), 0)
      t.equal(await auditEvents.prune(HOUR, 10), 0)
    }
    Date.now = now
    t.equal(await withSnapshot((snapshot) => snapshot.count('blacklistedTokens')), 1)
  })

  t.test('prunes nothing where nothing has been recorded that tells the time', async (t) => {
    const { blacklistedTokens, insertRows, auditEvents } = await openEmpty(t)
    await insertRows('blacklistedTokens', [createBlacklistedToken({ expiresAt: ago(2) })])
    await auditEvents.insert(createEvent({ createdAt: ago(4) }))

    const pruned = await blacklistedTokens.prune(HOUR, 10)

    t.equal(pruned, kind === 'PostgreSQL' ? 1 : 0, 'a server has a clock of its own')
  })

  t.test('gives a key one successor, even if several are created at once', async (t) => {
    const { signingKeys } = await openEmpty(t)
    const rivals = Array.from({ length: 5 }, () => createSigningKey({ predecessor: 'ES256' }))

    const inserted = await Promise.all(rivals.map((key) => signingKeys.insert(key, createEvent())))

    t.equal(inserted.filter(Boolean).length, 1)
    t.same(await signingKeys.list(), [rivals[inserted.indexOf(true)]])
    t.ok(
      await signingKeys.insert(createSigningKey({ predecessor: 'EdDSA', algorithm: 'EdDSA' }), createEvent()),
    )
  })

  t.test('lists all keys as they were given, oldest first', async (t) => {
    const { signingKeys } = await openEmpty(t)
    const newest = createSigningKey({ createdAt: after(2), activatesAt: after(3) })
    const oldest = createSigningKey({ createdAt: after(0), retiresAt: after(1) })
    const middle = createSigningKey({ createdAt: after(1), algorithm: 'HS256', publicKey: null })
    for (const key of [newest, oldest, middle]) await signingKeys.insert(key, createEvent())

    t.strictSame(await signingKeys.list(), [oldest, middle, newest])
  })

  t.test('changes a key’s dates and lifetime in one direction only', async (t) => {
    const { signingKeys } = await openEmpty(t)
    const other = createSigningKey({ createdAt: after(1), activatesAt: after(100) })
    const key = createSigningKey({ activatesAt: after(100) })
    await signingKeys.insert(key, createEvent())
    await signingKeys.insert(other, createEvent())
    const read = async () => (await signingKeys.list()).find(({ kid }) => kid === key.kid)

    await signingKeys.activate(key.kid, after(50))
    t.same((await read())?.activatesAt, after(50))
    await signingKeys.activate(key.kid, after(70))
    t.same((await read())?.activatesAt, after(50), 'not later')

    await signingKeys.end(key.kid, after(500))
    t.same((await read())?.retiresAt, after(500))
    await signingKeys.end(key.kid, after(600))
    t.same((await read())?.retiresAt, after(500), 'not later')
    await signingKeys.end(key.kid, after(400))
    t.same((await read())?.retiresAt, after(400), 'sooner')

    await signingKeys.raiseMaxTokenLifetime(key.kid, 1800)
    await signingKeys.raiseMaxTokenLifetime(key.kid, 60)
    t.equal((await read())?.maxTokenLifetime, 1800)

    await signingKeys.reseal(key.kid, 'sealed again')
    t.equal((await read())?.sealedPrivateKey, 'sealed again')
    t.strictSame((await signingKeys.list()).at(-1), other, 'the other key is unchanged')
  })

  t.test('keeps clients by a unique id and a unique name', async (t) => {
    const { clients } = await openEmpty(t)
    const gateway = { id: 'c1', name: 'gateway', hashedSecret: 'digest', createdAt: after(1) }
    const reports = { id: 'c2', name: 'reports', hashedSecret: 'digest', createdAt: after(0) }

    t.equal(await clients.insert(gateway, createEvent()), true)
    t.equal(await clients.insert(reports, createEvent()), true)
    t.equal(await clients.insert({ ...gateway, id: 'c3' }, createEvent()), false, 'the name is taken')

    t.strictSame(await clients.list(), [reports, gateway])
    t.strictSame(await clients.find('c1'), gateway)
    for (const unknown of ['c3', 'c1\0', '']) t.equal(await clients.find(unknown), undefined)
    t.equal(await clients.delete('c1', createEvent()), true)
    t.equal(await clients.delete('c1', createEvent()), false)
    t.strictSame(await clients.list(), [reports])
  })
}
