import type { Test } from 'tap'
import { ago, createEvent, createEventNow, createSigningKey, HOUR } from './rows.ts'
import type { OpenEmpty } from './users.suite.ts'

/** What every database must do with keys that depend on each other. */
export function testKeyChain(t: Test, openEmpty: OpenEmpty, kind: string): void {
  t.test(
    'deletes a key that is retired before it signs, and takes back the end of the one before',
    async (t) => {
      const { signingKeys, auditEvents } = await openEmpty(t)
      const key = createSigningKey({ createdAt: ago(2), activatesAt: ago(2), retiresAt: ago(-2) })
      const next = createSigningKey({ predecessor: key.kid, createdAt: ago(1), activatesAt: ago(-1) })
      await signingKeys.insert(key, createEvent())
      const event = createEvent()
      t.equal(await signingKeys.insertSuccessor(next, event), true)
      t.equal(await signingKeys.insertSuccessor({ ...next, kid: 'rival' }, createEvent()), false)
      const events = await auditEvents.list({ limit: 9 })
      t.equal(events.length, 2, 'nothing is recorded of a key that was not created')
      t.ok(events.some(({ id }) => id === event.id))
      const { now } = Date
      t.teardown(() => {
        Date.now = now
      })

      // A server has a clock of its own.
      if (kind === 'PostgreSQL') Date.now = () => now() + 3 * HOUR
      t.equal(await signingKeys.retire(next.kid, createEvent()), 'deleted')
      Date.now = now

      t.strictSame(await signingKeys.list(), [{ ...key, retiresAt: null }])
      t.equal(await signingKeys.retire(next.kid, createEvent()), undefined)
      t.equal(await signingKeys.insertSuccessor({ ...next, predecessor: next.kid }, createEvent()), false)
      await signingKeys.end(key.kid, ago(-2), next.kid)
      t.strictSame(await signingKeys.list(), [{ ...key, retiresAt: null }], 'its successor is gone')
    },
  )

  t.test(
    'keeps a key that has signed or has a successor when it is retired, and every other end',
    async (t) => {
      const { signingKeys, auditEvents } = await openEmpty(t)
      const ended = createSigningKey({ createdAt: ago(9), activatesAt: ago(9), retiresAt: ago(8) })
      // As after an emergency: the end of the one before is not planned for this one.
      const unsigned = createSigningKey({ predecessor: ended.kid, createdAt: ago(7), activatesAt: ago(-1) })
      const signed = createSigningKey({ createdAt: ago(6), activatesAt: ago(6) })
      const replaced = createSigningKey({ createdAt: ago(5), activatesAt: ago(-1) })
      const last = createSigningKey({ predecessor: replaced.kid, createdAt: ago(4), activatesAt: ago(-1) })
      for (const key of [ended, unsigned, signed, replaced, last])
        await signingKeys.insert(key, createEvent())

      t.equal(await signingKeys.retire(unsigned.kid, createEvent()), 'deleted')
      for (const { kid } of [signed, replaced]) {
        t.equal(await signingKeys.retire(kid, createEvent({ id: kid })), 'retired')
        t.equal(await signingKeys.retire(kid, createEvent()), undefined, 'once')
      }

      const retiresAt = new Date(0)
      t.strictSame(await signingKeys.list(), [
        ended,
        { ...signed, retiresAt },
        { ...replaced, retiresAt },
        last,
      ])
      const events = (await auditEvents.list({ limit: 20 })).map(({ id }) => id)
      t.same(
        [signed, replaced].filter(({ kid }) => !events.includes(kid)),
        [],
      )
      await signingKeys.end(signed.kid, ago(-1))
      t.same((await signingKeys.list())[1]?.retiresAt, retiresAt, 'for ever')
    },
  )

  t.test('takes a key that has signed for one, even if the clock is behind', async (t) => {
    const { signingKeys } = await openEmpty(t)
    const key = createSigningKey({ activatesAt: ago(1) })
    await signingKeys.insert(key, createEventNow())
    const { now } = Date
    t.teardown(() => {
      Date.now = now
    })

    Date.now = () => now() - 3 * HOUR
    const retired = await signingKeys.retire(key.kid, createEvent())
    Date.now = now

    t.equal(retired, 'retired')
  })

  t.test('retires a key while others create its successor and its rival', async (t) => {
    const { signingKeys } = await openEmpty(t)
    for (let round = 0; round < 20; round++) {
      const key = createSigningKey()
      const next = createSigningKey({ predecessor: key.kid, activatesAt: ago(-1) })
      await signingKeys.insert(key, createEvent())
      await signingKeys.insertSuccessor(next, createEvent())
      const rival = createSigningKey({ predecessor: key.kid })
      const [retired, , isCreated] = await Promise.all([
        signingKeys.retire(next.kid, createEvent()),
        signingKeys.end(key.kid, ago(-2), next.kid),
        signingKeys.insertSuccessor(rival, createEvent()),
        signingKeys.insertSuccessor(createSigningKey({ predecessor: next.kid }), createEvent()),
      ])
      const kids = (await signingKeys.list()).map(({ kid }) => kid)
      t.equal(kids.includes(next.kid), retired === 'retired')
      t.equal(kids.includes(rival.kid), isCreated)
      t.ok(kids.includes(key.kid))
    }
  })
}
