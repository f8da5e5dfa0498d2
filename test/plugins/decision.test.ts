import t from 'tap'
import { findRefusal } from '../../plugins/authenticate/decision.ts'

const NOW = Date.UTC(2026, 10, 27)
const row = {
  id: 'ada',
  email: 'ada@example.com',
  name: null,
  createdAt: new Date(0),
  disabledAt: null,
  tokenVersion: 1,
  blacklistedJti: null,
  kid: 'key',
  keyRetiresAt: null as Date | null,
}
const claims = { ver: 1 }

t.test('a key’s tokens are refused from the very millisecond of its end', (t) => {
  const refusalAt = (now: number) =>
    findRefusal({ row: { ...row, keyRetiresAt: new Date(NOW) }, claims }, now)

  t.equal(refusalAt(NOW - 1), undefined)
  t.equal(refusalAt(NOW), 'key_retired')
  t.equal(refusalAt(NOW + 1), 'key_retired')
  t.equal(findRefusal({ row, claims }, NOW), undefined)
  t.end()
})

t.test('a token of another version is refused, be it older or newer', (t) => {
  for (const ver of [0, 2]) t.equal(findRefusal({ row, claims: { ver } }, NOW), 'superseded')
  t.end()
})
