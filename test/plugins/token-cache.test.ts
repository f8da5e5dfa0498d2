import t from 'tap'
import { TokenCache } from '../../plugins/tokens/cache.ts'

const token = (index: number, length = 500) => `.${index}`.padStart(length, 'x')

t.test('returns a value for exactly the token that it was stored for', async (t) => {
  const cache = new TokenCache<number>()
  cache.set(token(1), 1)

  t.equal(cache.get(token(1)), 1)
  t.equal(cache.get(`${token(1)}=`), undefined)
  t.equal(cache.get(`y${token(1)}`), undefined, 'a token with the same end')
  cache.delete(`y${token(1)}`)
  t.equal(cache.get(token(1)), 1)
  cache.delete(token(1))
  t.equal(cache.get(token(1)), undefined)
})

t.test('does the same for a token that was stored long ago', async (t) => {
  const cache = new TokenCache<number>()
  cache.set(token(-1), -1)
  // Enough for the young generation to become the old one.
  for (let index = 0; index < 6_000; index++) cache.set(token(index), index)

  t.equal(cache.get(`y${token(-1)}`), undefined, 'a token with the same end')
  cache.delete(token(-1))
  t.equal(cache.get(token(-1)), undefined)
})

t.test('keeps tokens in use during a flood of others', async (t) => {
  const cache = new TokenCache<number>()
  cache.set(token(-1), -1)
  for (let index = 0; index < 100_000; index++) {
    cache.set(token(index), index)
    if (index % 1000 === 0) t.equal(cache.get(token(-1)), -1)
  }

  t.equal(cache.get(token(0)), undefined)
  const kept = Array.from({ length: 100_000 }, (_, index) => cache.get(token(index))).filter(
    (value) => value !== undefined,
  )
  t.ok(kept.length <= 12_000, `${kept.length} of 100,000 are kept`)
})

t.test('long tokens take more of the cache than short ones', async (t) => {
  const cache = new TokenCache<number>()
  const long = 16 * 1024
  for (let index = 0; index < 2000; index++) cache.set(token(index, long), index)

  t.equal(cache.get(token(0, long)), undefined)
  t.equal(cache.get(token(1999, long)), 1999)
})
