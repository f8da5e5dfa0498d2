import type { Test } from 'tap'
import type { Database } from '../../drizzle/index.ts'
import {
  after,
  makeBlacklistedToken,
  makeEvent,
  makeSigningKey,
  makeSlot,
  makeUser,
  NOW,
  readPrincipal,
} from './rows.ts'

/** Opens an empty database of the kind under test; it closes with its test. */
export type OpenEmpty = (t: Test) => Promise<Database>

/** What every database must do for accounts, and for the one read that decides about a token. */
export function testUsers(t: Test, openEmpty: OpenEmpty): void {
  t.test('keeps an account as it was given', async (t) => {
    const { users } = await openEmpty(t)
    const given = makeUser({ email: 'zoë@example.com', name: 'Zoë 🦉 زوي', disabledAt: NOW, tokenVersion: 7 })

    t.same(await users.insert(given, makeEvent()), given)

    t.same(await users.findByEmail('zoë@example.com'), given)
    t.same(await users.findById(given.id), given)
    t.equal(await users.findByEmail('zoe@example.com'), undefined)
    t.equal(await users.findById('nobody'), undefined)
  })

  t.test('fills in what a new account does not say', async (t) => {
    const { users } = await openEmpty(t)

    const { name: _name, ...nameless } = makeUser()

    t.match(await users.insert(nameless, makeEvent()), { name: null, disabledAt: null, tokenVersion: 0 })
  })

  t.test('gives an e-mail to one account, whoever else asks for it', async (t) => {
    const { users } = await openEmpty(t)
    const rivals = Array.from({ length: 10 }, () => makeUser({ email: 'ada@example.com' }))

    const inserted = await Promise.all(rivals.map((user) => users.insert(user, makeEvent())))

    const winners = inserted.filter((user) => user !== undefined)
    t.equal(winners.length, 1)
    t.same(await users.findByEmail('ada@example.com'), winners[0])
    t.equal(await users.insert(makeUser({ email: 'ada@example.com' }), makeEvent()), undefined)
  })

  t.test('does not find what no database can store', async (t) => {
    const { users } = await openEmpty(t)
    const user = makeUser({ id: 'ada', email: 'ada@example.com' })
    await users.insert(user, makeEvent())

    for (const key of ['ada\0', '\0', 'ada\ud800']) {
      t.equal(await users.findById(key), undefined)
      t.equal(await users.findByEmail(`${key}@example.com`), undefined)
      t.equal(await users.disable(key, NOW, makeEvent()), undefined)
      t.equal(await users.delete(key, makeEvent()), undefined)
    }
    t.match(await users.findById('ada'), user)
  })

  t.test('tells e-mails apart as they are written', async (t) => {
    const { users } = await openEmpty(t)
    const emails = [
      'ada@example.com',
      'Ada@example.com',
      'ada@example.com ',
      'adä@example.com',
      'ada@example_com',
    ]

    for (const email of emails) t.match(await users.insert(makeUser({ email }), makeEvent()), { email })

    for (const email of emails) t.match(await users.findByEmail(email), { email })
    t.equal(await users.findByEmail('ada%'), undefined)
  })

  t.test('replaces a hash only while it is the one that was compared', async (t) => {
    const { users } = await openEmpty(t)
    const user = makeUser()
    const other = makeUser()
    await users.insert(user, makeEvent())
    await users.insert(other, makeEvent())
    const hashOf = async ({ email }: { email: string }) => (await users.findByEmail(email))?.hashedPassword

    await users.rehash(user.id, '$2b$10$one', '$2b$12$one')
    t.equal(await hashOf(user), '$2b$12$one')
    await users.rehash(user.id, '$2b$10$one', '$2b$13$one')
    t.equal(await hashOf(user), '$2b$12$one', 'changed meanwhile')
    t.equal(await hashOf(other), '$2b$10$one', 'another with the same hash')
    t.equal((await users.findById(user.id))?.tokenVersion, 0, 'its tokens still count')
  })

  t.test('refuses the tokens of an account by raising their version', async (t) => {
    const { users } = await openEmpty(t)
    const user = makeUser()
    const other = makeUser()
    await users.insert(user, makeEvent())
    await users.insert(other, makeEvent())

    t.match(await users.setPassword(user.id, '$2b$10$two', makeEvent()), {
      hashedPassword: '$2b$10$two',
      tokenVersion: 1,
    })
    t.match(await users.disable(user.id, NOW, makeEvent()), { disabledAt: NOW, tokenVersion: 2 })
    t.match(await users.enable(user.id, makeEvent()), { disabledAt: null, tokenVersion: 2 })
    t.match(await users.raiseTokenVersion(user.id, makeEvent()), {
      tokenVersion: 3,
      hashedPassword: '$2b$10$two',
    })
    const raised = await Promise.all([1, 2, 3, 4].map(() => users.raiseTokenVersion(user.id, makeEvent())))
    t.same(raised.map((row) => row?.tokenVersion).sort(), [4, 5, 6, 7], 'at the same moment')

    t.match(await users.findById(other.id), { hashedPassword: '$2b$10$one', tokenVersion: 0 })
    for (const change of [
      users.setPassword('nobody', '$2b$10$two', makeEvent()),
      users.disable('nobody', NOW, makeEvent()),
      users.raiseTokenVersion('nobody', makeEvent()),
      users.delete('nobody', makeEvent()),
    ]) {
      t.equal(await change, undefined)
    }
  })

  t.test('deletes an account, and nobody else’s', async (t) => {
    const { users } = await openEmpty(t)
    const user = makeUser()
    const other = makeUser()
    await users.insert(user, makeEvent())
    await users.insert(other, makeEvent())

    t.match(await users.delete(user.id, makeEvent()), user)

    t.equal(await users.findByEmail(user.email), undefined)
    t.match(await users.findByEmail(other.email), other)
    t.match(
      await users.insert(makeUser({ email: user.email }), makeEvent()),
      { email: user.email },
      'the e-mail is free',
    )
  })

  t.test('says in one read all that a token’s fate depends on', async (t) => {
    const { users, blacklistedTokens, signingKeys, principals } = await openEmpty(t)
    const { hashedPassword: _hash, ...user } = { ...makeUser(), disabledAt: null, tokenVersion: 3 }
    const key = makeSigningKey()
    const revoked = makeBlacklistedToken({ userId: user.id })
    await users.insert({ ...user, hashedPassword: '$2b$10$one' }, makeEvent())
    await users.insert(makeUser(), makeEvent())
    await signingKeys.insert(key, makeEvent())
    await signingKeys.insert(makeSigningKey(), makeEvent())
    await blacklistedTokens.insert(revoked, makeEvent())
    await blacklistedTokens.insert(makeBlacklistedToken({ userId: user.id }), makeEvent())
    const read = (asked: object = {}) =>
      readPrincipal(principals, { userId: user.id, jti: 'another', kid: key.kid, ...asked })

    t.strictSame(await read(), { ...user, blacklistedJti: null, kid: key.kid, keyRetiresAt: null })
    t.match(await read({ jti: revoked.jti }), { blacklistedJti: revoked.jti, kid: key.kid })
    t.match(await read({ kid: 'another' }), { blacklistedJti: null, kid: null, keyRetiresAt: null })
    t.match(await read({ jti: revoked.jti, kid: 'another' }), { blacklistedJti: revoked.jti, kid: null })
    t.equal(await read({ userId: 'nobody' }), undefined)

    await signingKeys.retire(key.kid, after(1), makeEvent())
    t.match(await read(), { kid: key.kid, keyRetiresAt: after(1) })
  })

  t.test('never says what was true before a change', async (t) => {
    const { users, blacklistedTokens, signingKeys, principals } = await openEmpty(t)
    const user = makeUser()
    const key = makeSigningKey()
    const token = makeBlacklistedToken({ userId: user.id })
    const slot = makeSlot({ userId: user.id, jti: token.jti, kid: key.kid })
    const other = makeSlot({ userId: 'nobody', jti: token.jti, kid: key.kid })
    const read = async () => {
      await principals.load([slot, other])
      t.equal(other.row, undefined)
      return slot.row
    }

    t.equal(await read(), undefined)
    await users.insert(user, makeEvent())
    t.match(await read(), { disabledAt: null, tokenVersion: 0, blacklistedJti: null, kid: null })
    await signingKeys.insert(key, makeEvent())
    t.match(await read(), { kid: key.kid, keyRetiresAt: null })
    await users.raiseTokenVersion(user.id, makeEvent())
    t.match(await read(), { tokenVersion: 1 })
    await signingKeys.retire(key.kid, after(1), makeEvent())
    t.match(await read(), { keyRetiresAt: after(1) })
    await users.disable(user.id, NOW, makeEvent())
    t.match(await read(), { disabledAt: NOW })
    await blacklistedTokens.insert(token, makeEvent())
    t.match(await read(), { blacklistedJti: token.jti })
    t.match(await read(), { blacklistedJti: token.jti }, 'and again')
    await blacklistedTokens.prune(after(900_001), 10)
    t.match(await read(), { blacklistedJti: null })
    await users.delete(user.id, makeEvent())
    t.equal(await read(), undefined)
  })
}
