import t from 'tap'
import { ada, assertProblem, createApp, credentials, post } from '../helper.ts'

/** Texts that a careless service changes. */
const TEXTS = [
  'Zoë Brontë-Núñez',
  '山田 太郎',
  'مُحمَّد بن موسى الخوارزمي',
  'שלמה אבן גבירול \u200f',
  '👩‍👩‍👧‍👦🏳️‍🌈 and 𝒜𝒹𝒶',
  "Robert'); DROP TABLE users;--",
  '<script>alert(1)</script>',
  '{{7*7}} <%= 7*7 %> %s %00 \\u0000',
  ' spaces at both ends ',
]

t.test('creates a user, and returns it in exactly this form', async (t) => {
  const app = await createApp(t)
  const before = Date.now()

  const answer = await post(app, '/register', ada)

  t.equal(answer.statusCode, 201)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(answer.headers['cache-control'], 'no-store')
  const { id, created_at: createdAt, ...rest } = answer.json()
  t.strictSame(rest, { email: ada.email, name: ada.name })
  t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'a UUIDv7')
  t.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'RFC 3339, in UTC')
  t.ok(Date.parse(createdAt) >= before && Date.parse(createdAt) <= Date.now())
  t.notMatch(answer.body, /password|\$2b\$/i)
})

t.test('does not require a name', async (t) => {
  const app = await createApp(t)

  const answer = await post(app, '/register', credentials)

  t.equal(answer.statusCode, 201)
  t.equal(answer.json().name, null)
})

t.test('stores a name in any script unchanged', async (t) => {
  const app = await createApp(t)

  for (const [index, name] of [...TEXTS, '', 'n'.repeat(225), '😀'.repeat(225)].entries()) {
    const answer = await post(app, '/register', { ...ada, email: `${index}@example.com`, name })
    t.equal(answer.statusCode, 201, name)
    t.equal(answer.json().name, name)
  }
})

t.test('accepts a password in any script, and then only exactly that one', async (t) => {
  const app = await createApp(t)

  for (const [index, text] of TEXTS.entries()) {
    const user = { email: `${index}@example.com`, password: `${[...text].slice(0, 16).join('')}12345678` }
    t.equal((await post(app, '/register', user)).statusCode, 201, text)
    t.equal((await post(app, '/login', user)).statusCode, 200, `logs in: ${text}`)
    const other = { ...user, password: `${user.password} ` }
    t.equal((await post(app, '/login', other)).statusCode, 401, `one space more: ${text}`)
  }
})

t.test('trims and lower-cases an e-mail, and returns it so', async (t) => {
  const app = await createApp(t)

  const answer = await post(app, '/register', { ...ada, email: ' \tAda.LOVELACE+Postern@Example.COM\n' })

  t.equal(answer.statusCode, 201)
  t.equal(answer.json().email, 'ada.lovelace+postern@example.com')
})

t.test('reports every mistake in a body at once, with its path', async (t) => {
  const app = await createApp(t)

  const answer = await post(app, '/register', { email: 'nobody', name: 7, 'a/b~c': true })

  assertProblem(t, answer, 'invalid_request')
  t.strictSame(answer.json().errors, [
    { path: '/password', message: 'is required' },
    { path: '/a~1b~0c', message: 'is not known here' },
    { path: '/email', message: 'must be an e-mail address' },
    { path: '/name', message: 'must be string' },
  ])
})

t.test('refuses an invalid e-mail', async (t) => {
  const app = await createApp(t)
  const addresses = [
    '',
    ' ',
    'ada',
    '@example.com',
    'ada@',
    'a b@example.com',
    'ada@example.com, eve@example.com',
    'Ada <ada@example.com>',
    'ada@exam\u0000ple.com',
    'ada\ud800@example.com',
    '"ada\r\nBcc: eve"@example.com',
    `${'a'.repeat(255 - '@example.com'.length)}@example.com`,
    `${'a'.repeat(320 - '@example.com'.length)}@example.com`,
  ]
  for (const email of addresses) {
    const answer = await post(app, '/register', { ...ada, email })
    assertProblem(t, answer, 'invalid_request', JSON.stringify(email))
    t.match(answer.json().errors, [{ path: '/email' }])
  }
})

t.test('refuses a name that is too long or cannot be stored', async (t) => {
  const app = await createApp(t)
  for (const name of [
    'n'.repeat(226),
    '😀'.repeat(226),
    'Ada\u0000',
    '\ud83dAda',
    'Ada\udc00',
    null,
    ['Ada'],
  ]) {
    const answer = await post(app, '/register', { ...ada, name })
    assertProblem(t, answer, 'invalid_request', JSON.stringify(name))
    t.match(answer.json().errors, [{ path: '/name' }])
  }
})

t.test('refuses an e-mail that is taken, in any case', async (t) => {
  const app = await createApp(t)
  await post(app, '/register', ada)

  for (const email of [ada.email, 'ADA@EXAMPLE.COM', ' Ada@Example.Com ']) {
    const answer = await post(app, '/register', { ...ada, email, password: 'another long password' })
    assertProblem(t, answer, 'email_taken', email)
    t.equal(answer.headers['cache-control'], 'no-store')
  }
  t.equal(
    (await post(app, '/login', credentials)).statusCode,
    200,
    'the first password is still the right one',
  )
})

t.test('registers an e-mail once, even if two requests arrive at the same moment', async (t) => {
  const app = await createApp(t)

  const answers = await Promise.all([
    post(app, '/register', ada),
    post(app, '/register', { ...ada, email: 'ADA@example.com', password: 'another long password' }),
  ])

  const statuses = answers.map(({ statusCode }) => statusCode)
  t.strictSame(statuses.toSorted(), [201, 409])
  const loser = answers.find(({ statusCode }) => statusCode === 409)
  if (loser) assertProblem(t, loser, 'email_taken')
  const logins = [
    await post(app, '/login', credentials),
    await post(app, '/login', { ...credentials, password: 'another long password' }),
  ]
  t.strictSame(
    logins.map(({ statusCode }) => statusCode),
    statuses.map((status) => (status === 201 ? 200 : 401)),
    'the password is that of the request that got 201',
  )
})
