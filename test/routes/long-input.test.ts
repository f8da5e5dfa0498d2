import t, { type Test } from 'tap'
import { ada, assertProblem, createApp, credentials, post } from '../helper.ts'

/** An e-mail of 16 KB whose normalisation would take quadratic time: combining marks in the wrong order. */
const MARKS = `a${'\u0301'.repeat(3700)}${'\u0323'.repeat(3700)}@x.org`
const LONG = [MARKS, `${MARKS.slice(0, -6)}`, `"${MARKS.slice(0, -6)}"@x.org`, `a@${MARKS}`]

/** Records the longest text that is normalised. */
function watchNormalize(t: Test): () => number {
  const { normalize } = String.prototype
  let longest = 0
  t.intercept(String.prototype, 'normalize', {
    value(this: string, form?: string) {
      longest = Math.max(longest, this.length)
      return normalize.call(this, form)
    },
  })
  return () => longest
}

t.test('no text is normalised that is far too long for an e-mail', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)
  const longest = watchNormalize(t)

  for (const email of LONG) {
    assertProblem(t, await post(app, '/register', { ...ada, email }), 'invalid_request')
    assertProblem(t, await post(app, '/login', { ...credentials, email }), 'invalid_credentials')
    const form = `${new URLSearchParams({ username: email.slice(0, 2500), password: ada.password })}`
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    assertProblem(t, await post(app, '/login', form, type), 'invalid_credentials')
  }
  t.ok(longest() < 1000, `${longest()} characters at most`)
})

t.test('the beginning of a text that is too long is nobody’s e-mail', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)

  for (const email of [`${ada.email}${' '.repeat(5000)}x`, `${ada.email}${'\u0301'.repeat(5000)}`]) {
    assertProblem(t, await post(app, '/login', { ...credentials, email }), 'invalid_credentials')
  }
  const padded = { ...credentials, email: `${' '.repeat(5000)}${ada.email}${' '.repeat(5000)}` }
  t.equal((await post(app, '/login', padded)).statusCode, 200, 'spaces around it do not count')
})

t.test('a response lists twenty faults at most, and repeats no long name', async (t) => {
  const app = await createApp(t)
  const many = Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`x${index}`, 0]))
  const bodies = [many, { ['~'.repeat(16_000)]: 0 }, { [`${'x'.repeat(99)}😀${'y'.repeat(9000)}`]: 0 }]

  for (const body of bodies) {
    for (const path of ['/register', '/login']) {
      const answer = await post(app, path, body)
      assertProblem(t, answer, 'invalid_request')
      t.ok(answer.json().errors.length <= 20)
      t.ok(answer.body.length < 3000, `${answer.body.length} characters`)
      t.ok(answer.body.isWellFormed())
    }
  }
})
