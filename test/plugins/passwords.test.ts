import { hash } from '@node-rs/bcrypt'
import t from 'tap'
import { ada, assertProblem, collectLog, createApp, credentials, post } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

/** Hashes of Ada's password by crypt(3), with the prefix of older systems, of this one and of PHP. */
const FOREIGN_HASHES = ['2a', '2b', '2y'].map(
  (prefix) => `$${prefix}$05$CCCCCCCCCCCCCCCCCCCCC.poIKaw08HWUz4zkVKLs8VPIydUmXBPC`,
)

const TOO_LONG = 'must have at most 72 bytes in UTF-8, and be well-formed text without NUL characters'

t.test('accepts passwords of up to 72 bytes, with any characters', async (t) => {
  const app = await createApp(t)
  for (const [index, password] of [
    '7hGq2xPz'.repeat(9),
    'éàèùâêîôûëïüÿçæøåñ'.repeat(2),
    '山高水長風清月白花鳥江河湖海雲霧雷電星辰日夜春秋',
    '🔑🦉🍏🚲🎻🧭🪁🧊🌋'.repeat(2),
    '🔑🦉🍏🚲🎻🧭🪁🧊',
    'ثمانية!!',
    ' . , ; : ',
    ' \t\n\r\u00a0\u2028\u200b.',
    '\u0001\u0007\u0002\u0005\u0003\u0008\u0004\u0006',
    '7hGq\ufffd2xPz',
  ].entries()) {
    const user = { email: `${index}@example.com`, password }
    t.equal((await post(app, '/register', user)).statusCode, 201, `register ${index}`)
    t.equal((await post(app, '/login', user)).statusCode, 200, `log in ${index}`)
  }
})

t.test(
  'refuses passwords that bcrypt would truncate or confuse, with a reason at registration',
  async (t) => {
    const log = collectLog()
    const app = await createApp(t, { LOG_LEVEL: 'trace' }, log.stream)
    const start = 'Geheimnis'
    const password = start.padEnd(72, 'x')
    t.equal((await post(app, '/register', { ...ada, password })).statusCode, 201)

    for (const bad of [
      `${password}x`,
      `${password}${password}`,
      `${start}${'é'.repeat(32)}`,
      `${start}${'🔑'.repeat(16)}`,
      `${start}\0`,
      `\0${start}`,
      `${start}\0${start}`,
      `${start}\ud800`,
      `\udc00${start}`,
      `${start}\udc00\ud800`,
    ]) {
      const registered = await post(app, '/register', { email: 'eve@example.com', password: bad })
      assertProblem(t, registered, 'invalid_request', `register ${JSON.stringify(bad)}`)
      t.strictSame(registered.json().errors, [{ path: '/password', message: TOO_LONG }])
      const login = await post(app, '/login', { ...credentials, password: bad })
      assertProblem(t, login, 'invalid_credentials', `log in ${JSON.stringify(bad)}`)
    }
    t.notMatch(log.text(), start)
  },
)

t.test('never accepts a wrong password that bcrypt cannot distinguish', async (t) => {
  const app = await createApp(t)
  const long = '7hGq2xPz'.repeat(9)
  await post(app, '/register', { ...ada, password: '7hGq\ufffd2xPz' })
  await post(app, '/register', { email: 'eve@example.com', password: long })

  const others = [
    { email: ada.email, password: '7hGq\ud8002xPz' },
    { email: ada.email, password: '7hGq\ufffd2xPz\0' },
    { email: 'eve@example.com', password: `${long}x` },
    { email: 'eve@example.com', password: long.slice(0, -1) },
  ]
  for (const other of others) assertProblem(t, await post(app, '/login', other), 'invalid_credentials')
})

t.test('never takes what bcrypt cannot hash for the empty password', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const insert = 'insert into users (id, email, hashed_password, created_at) values (?, ?, ?, ?)'
  await openBeside(t, settings).run(insert, 'moved-here', ada.email, await hash('', 4), new Date())

  for (const password of ['x'.repeat(73), '\0', '\ud800']) {
    assertProblem(t, await post(app, '/login', { ...credentials, password }), 'invalid_credentials')
  }
})

t.test('does not change a password', async (t) => {
  const app = await createApp(t)
  const password = ' Zoe\u0308 Ünicode '
  await post(app, '/register', { ...ada, password })

  t.equal((await post(app, '/login', { ...credentials, password })).statusCode, 200)
  for (const other of [
    password.trim(),
    password.normalize('NFC'),
    password.toLowerCase(),
    password.replaceAll(' ', '\u00a0'),
    `${password} `,
    password.slice(0, -1),
  ]) {
    const answer = await post(app, '/login', { ...credentials, password: other })
    assertProblem(t, answer, 'invalid_credentials', JSON.stringify(other))
  }
})

t.test('requires eight characters of any kind', async (t) => {
  const app = await createApp(t)
  for (const password of ['', 'x', 'Tr0ub4d', '🔑'.repeat(7), 'é'.repeat(7)]) {
    const answer = await post(app, '/register', { ...ada, password })
    assertProblem(t, answer, 'invalid_request', password)
    t.strictSame(answer.json().errors, [{ path: '/password', message: 'must have at least 8 characters' }])
  }
  t.equal((await post(app, '/register', { ...ada, password: 'Tr0ub4d&' })).statusCode, 201)
})

t.test('applies PASSWORD_MIN_LENGTH only to new passwords', async (t) => {
  const settings = await sharedSettings(t)
  const before = await createApp(t, settings)
  await post(before, '/register', { ...ada, password: 'Tr0ub4d&' })
  const app = await createApp(t, { ...settings, PASSWORD_MIN_LENGTH: '15' })

  const answer = await post(app, '/register', { email: 'eve@example.com', password: 'fourteen chars' })
  t.strictSame(answer.json().errors, [{ path: '/password', message: 'must have at least 15 characters' }])
  const enough = { email: 'eve@example.com', password: 'fifteen charact' }
  t.equal((await post(app, '/register', enough)).statusCode, 201)
  t.equal((await post(app, '/login', { ...credentials, password: 'Tr0ub4d&' })).statusCode, 200)
})

t.test('accepts the hashes of other systems, and replaces them at login', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const db = openBeside(t, settings)
  for (const hash of FOREIGN_HASHES) {
    await db.run('delete from users')
    await db.run(
      'insert into users (id, email, hashed_password, created_at) values (?, ?, ?, ?)',
      'moved-here',
      ada.email,
      hash,
      new Date(),
    )

    const wrong = await post(app, '/login', { ...credentials, password: 'not the password' })
    assertProblem(t, wrong, 'invalid_credentials', hash)
    t.equal((await post(app, '/login', credentials)).statusCode, 200, hash)
    const kept = await db.value('select hashed_password from users')
    t.match(kept, /^\$2b\$10\$/, 'the hash has the present cost')
    t.equal((await post(app, '/login', credentials)).statusCode, 200, 'the password is the same')
  }
})

t.test('rehashes at the first login after BCRYPT_COST has changed, and only then', async (t) => {
  const settings = await sharedSettings(t)
  const db = openBeside(t, settings)
  const hashNow = () => db.value('select hashed_password from users')
  const before = await createApp(t, { ...settings, BCRYPT_COST: '10' })
  await post(before, '/register', ada)
  const first = await hashNow()
  t.match(first, /^\$2b\$10\$[./\w]{53}$/)
  await post(before, '/login', credentials)
  t.equal(await hashNow(), first, 'the cost is right')

  const app = await createApp(t, { ...settings, BCRYPT_COST: '11' })
  await post(app, '/login', { ...credentials, password: 'not the password' })
  t.equal(await hashNow(), first, 'a wrong password changes nothing')
  t.equal((await post(app, '/login', credentials)).statusCode, 200)

  const second = await hashNow()
  t.match(second, /^\$2b\$11\$[./\w]{53}$/)
  t.equal((await post(app, '/login', credentials)).statusCode, 200, 'the new hash is for the same password')
  t.equal(await hashNow(), second)
  t.equal((await post(before, '/login', credentials)).statusCode, 200)
  t.match(await hashNow(), /^\$2b\$10\$/, 'a lower cost takes effect as well')
})

t.test('hashes each password with its own salt', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  await post(app, '/register', ada)
  await post(app, '/register', { ...ada, email: 'eve@example.com' })

  const rows = await openBeside(t, settings).all('select hashed_password from users')

  t.equal(new Set(rows.map((row) => row['hashed_password'])).size, 2)
})
