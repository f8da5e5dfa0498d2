import type { Test } from 'tap'
import type { Database } from '../../drizzle/index.ts'
import {
  after,
  createBlacklistedToken,
  createEvent,
  createSigningKey,
  createSlot,
  createUser,
  NOW,
  readPrincipal,
} from './rows.ts'

/** Opens an empty database of the kind under test; it closes with its test. */
export type OpenEmpty = (t: Test) => Promise<Database>

/** What every database must do for users, and for the query that decides about a token. */
export function testUsers(t: Test, openEmpty: OpenEmpty): void {
  t.test('stores a user as given', async (t) => {
    const { users } = await openEmpty(t)
    const given = createUser({
      email: 'zoë@example.com',
      name: 'Zoë 🦉 زوي',
      disabledAt: NOW,
      tokenVersion: 7,
    })

    t.same(await users.insert(given, createEvent()), given)

    t.same(await users.findByEmail('zoë@example.com'), given)
    t.same(await users.findById(given.id), given)
    t.equal(await users.findByEmail('zoe@example.com'), undefined)
    t.equal(await users.findById('nobody'), undefined)
  })

  t.test('sets the defaults of a new user', async (t) => {
    const { users } = await openEmpty(t)

    const { name: _name, ...nameless } = createUser()

    t.match(await users.insert(nameless, createEvent()), { name: null, disabledAt: null, tokenVersion: 0 })
  })

  t.test('gives an e-mail to one user, even if several ask for it at once', async (t) => {
    const { users } = await openEmpty(t)
    const rivals = Array.from({ length: 10 }, () => createUser({ email: 'ada@example.com' }))

    const inserted = await Promise.all(rivals.map((user) => users.insert(user, createEvent())))

    const winners = inserted.filter((user) => user !== undefined)
    t.equal(winners.length, 1)
    t.same(await users.findByEmail('ada@example.com'), winners[0])
    t.equal(await users.insert(createUser({ email: 'ada@example.com' }), createEvent()), undefined)
  })

  t.test('knows the highest cost of a hash, among those that may be stored', async (t) => {
    const { users } = await openEmpty(t)
    t.equal(await users.highestHashCost(), undefined)
    const hashes = ['!', '$2b$08$a', '$2y$16$a', '$2a$31$a', '$argon2id$v=19$a', '']
    for (const hashedPassword of hashes) await users.insert(createUser({ hashedPassword }), createEvent())
    t.equal(await users.highestHashCost(), 8)

    const user = createUser({ hashedPassword: '$2y$15$a' })
    await users.insert(user, createEvent())
    t.equal(await users.highestHashCost(), 15)
    await users.rehash(user.id, user.hashedPassword, '$2b$12$a')
    t.equal(await users.highestHashCost(), 12)
    await users.insert(createUser({ hashedPassword: '$2b$1.$a' }), createEvent())
    t.ok(Number.isInteger((await users.highestHashCost()) ?? 0), 'what is no hash is no number')
  })

  t.test('does not find what no database can store', async (t) => {
    const { users } = await openEmpty(t)
    const user = createUser({ id: 'ada', email: 'ada@example.com' })
    await users.insert(user, createEvent())

    for (const key of ['ada\0', '\0', 'ada\ud800']) {
      t.equal(await users.findById(key), undefined)
      t.equal(await users.findByEmail(`${key}@example.com`), undefined)
      t.equal(await users.disable(key, NOW, createEvent()), undefined)
      t.equal(await users.delete(key, createEvent()), undefined)
    }
    t.match(await users.findById('ada'), user)
  })

  t.test('compares e-mails exactly', async (t) => {
    const { users } = await openEmpty(t)
    const emails = [
      'ada@example.com',
      'Ada@example.com',
      'ada@example.com ',
      'adä@example.com',
      'ada@example_com',
    ]

    for (const email of emails) t.match(await users.insert(createUser({ email }), createEvent()), { email })

    for (const email of emails) t.match(await users.findByEmail(email), { email })
    t.equal(await users.findByEmail('ada%'), undefined)
  })

  t.test('replaces a hash only if it has not changed', async (t) => {
    const { users } = await openEmpty(t)
    const user = createUser()
    const other = createUser()
    await users.insert(user, createEvent())
    await users.insert(other, createEvent())
    const hashOf = async ({ email }: { email: string }) => (await users.findByEmail(email))?.hashedPassword

    await users.rehash(user.id, '$2b$10$one', '$2b$12$one')
    t.equal(await hashOf(user), '$2b$12$one')
    await users.rehash(user.id, '$2b$10$one', '$2b$13$one')
    t.equal(await hashOf(user), '$2b$12$one', 'the hash had changed')
    t.equal(await hashOf(other), '$2b$10$one', 'another user with the same hash')
    t.equal((await users.findById(user.id))?.tokenVersion, 0, 'the user’s tokens are still valid')
  })

  t.test('revokes a user’s tokens by raising the token version', async (t) => {
    const { users } = await openEmpty(t)
    const user = createUser()
    const other = createUser()
    await users.insert(user, createEvent())
    await users.insert(other, createEvent())

    t.match(await users.setPassword(user.id, '$2b$10$two', createEvent()), {
      hashedPassword: '$2b$10$two',
      tokenVersion: 1,
    })
    t.match(await users.disable(user.id, NOW, createEvent()), { disabledAt: NOW, tokenVersion: 2 })
    t.match(await users.enable(user.id, createEvent()), { disabledAt: null, tokenVersion: 2 })
    t.match(await users.raiseTokenVersion(user.id, createEvent()), {
      tokenVersion: 3,
      hashedPassword: '$2b$10$two',
    })
    const raised = await Promise.all([1, 2, 3, 4].map(() => users.raiseTokenVersion(user.id, createEvent())))
    t.same(raised.map((row) => row?.tokenVersion).sort(), [4, 5, 6, 7], 'at the same moment')

    t.match(await users.findById(other.id), { hashedPassword: '$2b$10$one', tokenVersion: 0 })
    for (const change of [
      users.setPassword('nobody', '$2b$10$two', createEvent()),
      users.disable('nobody', NOW, createEvent()),
      users.raiseTokenVersion('nobody', createEvent()),
      users.delete('nobody', createEvent()),
    ]) {
      t.equal(await change, undefined)
    }
  })

  t.test('deletes one user, and no other', async (t) => {
    const { users } = await openEmpty(t)
    const user = createUser()
    const other = createUser()
    await users.insert(user, createEvent())
    await users.insert(other, createEvent())

    t.match(await users.delete(user.id, createEvent()), user)

    t.equal(await users.findByEmail(user.email), undefined)
    t.match(await users.findByEmail(other.email), other)
    t.match(
      await users.insert(createUser({ email: user.email }), createEvent()),
      { email: user.email },
      'the e-mail is free',
    )
  })

  t.test('reads in one query all that decides about a token', async (t) => {
    const { users, blacklistedTokens, signingKeys, principals } = await openEmpty(t)
    const { hashedPassword: _hash, ...user } = { ...createUser(), disabledAt: null, tokenVersion: 3 }
    const key = createSigningKey()
    const revoked = createBlacklistedToken({ userId: user.id })
    await users.insert({ ...user, hashedPassword: '$2b$10$one' }, createEvent())
    await users.insert(createUser(), createEvent())
    await signingKeys.insert(key, createEvent())
    await signingKeys.insert(createSigningKey(), createEvent())
    await blacklistedTokens.insert(revoked, createEvent())
    await blacklistedTokens.insert(createBlacklistedToken({ userId: user.id }), createEvent())
    const read = (asked: object = {}) =>
      readPrincipal(principals, { userId: user.id, jti: 'another', kid: key.kid, ...asked })

    t.strictSame(await read(), { ...user, blacklistedJti: null, kid: key.kid, keyRetiresAt: null })
    t.match(await read({ jti: revoked.jti }), { blacklistedJti: revoked.jti, kid: key.kid })
    t.match(await read({ kid: 'another' }), { blacklistedJti: null, kid: null, keyRetiresAt: null })
    t.match(await read({ jti: revoked.jti, kid: 'another' }), { blacklistedJti: revoked.jti, kid: null })
    t.equal(await read({ userId: 'nobody' }), undefined)

    await signingKeys.end(key.kid, after(1))
    t.match(await read(), { kid: key.kid, keyRetiresAt: after(1) })
  })

  t.test('never returns the state before a change', async (t) => {
    const { users, blacklistedTokens, signingKeys, principals } = await openEmpty(t)
    const user = createUser()
    const key = createSigningKey()
    const token = createBlacklistedToken({ userId: user.id, expiresAt: new Date(0) })
    const slot = createSlot({ userId: user.id, jti: token.jti, kid: key.kid })
    const other = createSlot({ userId: 'nobody', jti: token.jti, kid: key.kid })
    const read = async () => {
      await principals.load([slot, other])
      t.equal(other.row, undefined)
      return slot.row
    }

    t.equal(await read(), undefined)
    await users.insert(user, createEvent())
    t.match(await read(), { disabledAt: null, tokenVersion: 0, blacklistedJti: null, kid: null })
    await signingKeys.insert(key, createEvent())
    t.match(await read(), { kid: key.kid, keyRetiresAt: null })
    await users.raiseTokenVersion(user.id, createEvent())
    t.match(await read(), { tokenVersion: 1 })
    await signingKeys.end(key.kid, after(1))
    t.match(await read(), { keyRetiresAt: after(1) })
    await users.disable(user.id, NOW, createEvent())
    t.match(await read(), { disabledAt: NOW })
    await blacklistedTokens.insert(token, createEvent())
    t.match(await read(), { blacklistedJti: token.jti })
    t.match(await read(), { blacklistedJti: token.jti }, 'and again')
    await blacklistedTokens.prune(0, 10)
    t.match(await read(), { blacklistedJti: null })
    await users.delete(user.id, createEvent())
    t.equal(await read(), undefined)
  })
}
