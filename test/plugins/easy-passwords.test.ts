import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { dictionary } from '@zxcvbn-ts/language-common'
import t from 'tap'
import { findPasswordFault } from '../../plugins/passwords/policy.ts'
import { ada, assertProblem, createApp, post } from '../helper.ts'

/** From the heads of lists of leaked passwords, and what people make of them to satisfy rules. */
const WELL_KNOWN = `
  password 12345678 123456789 1234567890 987654321 00000000 11111111 123123123 12341234 11223344 87654321
  aaaaaaaa abcdefgh abcd1234 abc12345 a1b2c3d4 qwertyuiop qwerty123 1q2w3e4r 1q2w3e4r5t 1qaz2wsx zaq12wsx !QAZ2wsx
  asdfghjkl asdf1234 zxcvbnm1 iloveyou iloveyou1 princess1 sunshine football baseball superman trustno1 starwars
  whatever letmein1 dragon123 monkey123 michael1 jennifer charlie1 computer internet samantha
  password1 Password1! P@ssw0rd p@$$w0rd123 pa55w0rd drowssap passwordpassword Passw0rd1 Welcome1 Welcome@123
  admin123 administrator changeme changeme123 secret123 test1234 hello123 helloworld Summer2024 Spring2025
  01011990 19871987 147258369 159753456 789456123 bgt54rfv nhy67ujm
  azertyuiop motdepasse passwort hallo123 12345678901234567890
  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa abcabcabcabcabcabcabcabc
`
  .trim()
  .split(/\s+/)
  .concat('        ', '\u00a0'.repeat(8), 'ｐａｓｓｗｏｒｄ', '🔑'.repeat(18), '\u2057'.repeat(24))

/** Passwords that nobody would guess, of many kinds. */
const GOOD = [
  ada.password,
  'correct-horse-battery-staple',
  'correcthorsebatterystaple',
  'mango turtle lamp river',
  'purple monkey dishwasher',
  'korrekt pferd batterie',
  'Sommerregen am Deich',
  'gray-otter-91',
  'Tr0ub4d&',
  'vT9#kLm2',
  '7hGq2xPz',
  'maplewdq',
  'ثمانية!!',
  '山高水長風清月白',
  'constructor of 9 hats',
  // A part that is easy to guess does not make a password easy to guess.
  `${'x'.repeat(40)}7hGq2xPz`,
  `7hGq2xPz${'x'.repeat(40)}`,
  `${ada.email} 7hGq2xPz`,
  '3QKzMcqTjj6CkM9jJOdvMPylloTufLuXvV3QegLrt9vjhAWGh1950bjv0wGxKO7tbw4GuGdq',
]

const message = 'is too common or too easy to guess; choose another'

t.test('refuses well-known passwords, and accepts others', async (t) => {
  const app = await createApp(t)
  t.ok(WELL_KNOWN.length > 80)
  for (const password of WELL_KNOWN) {
    const answer = await post(app, '/register', { ...ada, password })
    assertProblem(t, answer, 'invalid_request', password)
    t.strictSame(answer.json().errors, [{ path: '/password', message }])
  }
  for (const [index, password] of GOOD.entries()) {
    const answer = await post(app, '/register', { ...ada, email: `${index}@example.com`, password })
    t.equal(answer.statusCode, 201, password)
  }
})

t.test(
  'refuses each of the 3,000 most common passwords that are long enough (ASVS 5.0, 6.2.4)',
  async (t) => {
    const common =
      dictionary['passwords-common']?.filter((each) => `${each}`.length >= 8).slice(0, 3000) ?? []
    const accepted: unknown[] = []
    for (const password of common) {
      if ((await findPasswordFault(`${password}`, { minLength: 8, words: [] })) === undefined)
        accepted.push(password)
    }
    t.same([common.length, accepted], [3000, []])
  },
)

t.test('refuses what an attacker knows of the user and of the service (ASVS 5.0, 6.2.11)', async (t) => {
  const app = await createApp(t, { ISSUER: 'https://auth.brightwater.example' })
  const zoe = { email: 'zoe.quillfeather@marblewood.example', name: 'Zoë Quillfeather' }
  const known = [
    zoe.email,
    zoe.email.toUpperCase(),
    'zoe.quillfeather',
    'Quillfeather',
    'quillfeather1',
    'Zoë Quillfeather',
    zoe.name.normalize('NFD'),
    'marblewood',
    'Marblewood2026',
    'brightwater',
    'Brightwater1!',
    'https://auth.brightwater.example',
  ]
  for (const password of known) {
    const answer = await post(app, '/register', { ...zoe, password })
    t.strictSame(answer.json().errors, [{ path: '/password', message }], password)
    await t.rejects(app.postern.register({ ...zoe, password }), { errors: [{ path: '/password', message }] })
  }

  const { id } = await app.postern.register({ ...zoe, password: ada.password })
  for (const password of [...known, '987654321']) {
    await t.rejects(
      app.postern.setPassword(id, password),
      { errors: [{ path: '/password', message }] },
      password,
    )
  }
  t.ok(await app.postern.setPassword(id, 'mango turtle lamp river'))
  t.equal(
    (await post(app, '/register', { ...ada, password: 'zoe.quillfeather' })).statusCode,
    201,
    'of others',
  )

  const others = [
    { email: 'kx7.mq2.pv9.zt4@example.com', password: 'kx7.mq2.pv9.zt4' },
    { email: 'bob@example.com', name: 'Ｂｏｂ Ｎｏｒｔｈｆｅｌｌ', password: 'northfell1' },
    {
      email: 'bob@example.com',
      name: 'Wolfeschlegelsteinhausenberger',
      password: 'Wolfeschlegelsteinhausenberger',
    },
  ]
  for (const other of others) {
    t.strictSame(
      (await post(app, '/register', other)).json().errors,
      [{ path: '/password', message }],
      other.password,
    )
  }
})

t.test(
  'looks at twenty characters at once, whose time is quadratic, and lets others work in between',
  async (t) => {
    const seen = t.capture(ZxcvbnFactory.prototype, 'check', ZxcvbnFactory.prototype.check)
    const about = { minLength: 8, words: [ada.email, 'x'.repeat(225)] }
    let turns = 0
    const count = () => {
      turns += 1
      immediate = setImmediate(count)
    }
    let immediate = setImmediate(count)

    const long = [
      'x'.repeat(72),
      '1234567890'.repeat(7),
      '\ufdfa'.repeat(24),
      '\u2057'.repeat(24),
      '4@8({[<36913!|10$57'.repeat(900),
    ]
    for (const password of long) {
      const before = turns
      await findPasswordFault(password, about)
      const lengths = seen().map(({ args }) => args[0].length)
      t.ok(lengths.length <= 7 && Math.max(0, ...lengths) <= 20, `${lengths}`)
      t.ok(turns - before >= lengths.length - 1)
    }
    clearImmediate(immediate)
  },
)
