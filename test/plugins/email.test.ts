import t from 'tap'
import isEmail from 'validator/lib/isEmail.js'
import { isEmailAddress, normalizeEmail } from '../../plugins/accounts/email.ts'
import { ada, assertProblem, createApp, post } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

t.test('all spellings of an address have one normal form, which normalises to itself', async (t) => {
  const spellings = [
    ['ada@example.com', ' ADA@EXAMPLE.COM ', '\u00a0Ada@Example.com\ufeff'],
    ['zo\u00eb@example.com', 'zoe\u0308@example.com', 'ZOE\u0308@example.com', 'ZO\u00cb@example.com'],
    ['k@example.com', '\u212a@example.com'],
    // The capital does not compose with its accent, but the small letter does.
    ['\u0390@example.com', '\u03aa\u0301@example.com', '\u03b9\u0308\u0301@example.com'],
  ]
  for (const [first = '', ...others] of spellings) {
    t.equal(normalizeEmail(first), first)
    for (const other of others) t.equal(normalizeEmail(other), first, JSON.stringify(other))
  }
})

t.test('normalising twice changes no letter', async (t) => {
  const changing: string[] = []
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
    if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue
    const letter = String.fromCodePoint(codePoint)
    for (const text of [`a${letter}`, `a${letter}\u0301`]) {
      const once = normalizeEmail(text)
      if (normalizeEmail(once) !== once) changing.push(codePoint.toString(16))
    }
  }
  t.strictSame(changing, [])
})

t.test('accepts every address that can receive mail', async (t) => {
  const addresses = [
    'ada@example.com',
    'ada+postern@example.com',
    "o'brien@example.com",
    '"ada lovelace"@example.com',
    '"a@b"@example.com',
    "!#$%&'*+-/=?^_`{|}~@example.com",
    'ada@localhost',
    'ada@sub.domain.example.com',
    'ada@xn--mnchen-3ya.de',
    'ada@münchen.de',
    '用户@例子.公司',
    'אבג@דוגמה.ישראל',
    'زهرا\u200c@example.com',
    `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`,
  ]
  for (const address of addresses) t.ok(isEmailAddress(address), address)
})

t.test('refuses an address that is too long to receive mail', async (t) => {
  const domain = `${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`
  t.equal(`${'a'.repeat(64)}@${domain}`.length, 254)
  t.notOk(isEmailAddress(`${'a'.repeat(64)}@${domain}e`), '255 characters')
  t.notOk(isEmailAddress(`${'a'.repeat(65)}@example.com`), '65 before the @')
})

t.test('refuses invisible characters and line breaks', async (t) => {
  const unseen = [
    '\u0000',
    '\t',
    '\n',
    '\r',
    '\u001b',
    '\u007f',
    '\u0085',
    '\u200b',
    '\u202e',
    '\u2028',
    '\u2066',
  ]
  for (const character of unseen) {
    const name = `U+${character.codePointAt(0)?.toString(16).padStart(4, '0')}`
    t.notOk(isEmailAddress(`a${character}b@example.com`), name)
    t.notOk(isEmailAddress(`"a${character}b"@example.com`), `${name} in quotes`)
    t.notOk(isEmailAddress(`ada@exam${character}ple.com`), `${name} in the domain`)
  }
})

t.test('refuses a lone surrogate, a second @ and a list', async (t) => {
  for (const address of [
    'a\ud800@example.com',
    'ada@\udc00.com',
    'a@b@example.com',
    'a..b@example.com',
    '.a@example.com',
    'a@-example.com',
    'a@example..com',
    'a@x.com,b@x.com',
    'a@x.com b@x.com',
    'Ada <a@x.com>',
    'mailto:a@x.com',
  ]) {
    t.notOk(isEmailAddress(address), JSON.stringify(address))
  }
})

t.test('a user is found by every spelling of their e-mail', async (t) => {
  const app = await createApp(t)
  const email = 'zo\u00eb+\u03aa\u0301@M\u00dcNCHEN.de'
  t.equal((await post(app, '/register', { ...ada, email })).json().email, 'zo\u00eb+\u0390@m\u00fcnchen.de')

  for (const spelling of [email, email.normalize('NFD'), email.toLowerCase(), email.toUpperCase()]) {
    const login = await post(app, '/login', { email: spelling, password: ada.password })
    t.equal(login.statusCode, 200, JSON.stringify(spelling))
    assertProblem(t, await post(app, '/register', { ...ada, email: spelling }), 'email_taken')
  }
})

/** Addresses of one mailbox each: the stored spelling first. */
const MAILBOXES = [
  // Browsers send the domain in ASCII (HTML, "valid e-mail address" state), and people type its letters.
  [
    'ada@münchen.de',
    'ada@xn--mnchen-3ya.de',
    'Ada@MÜNCHEN.DE',
    'ada@XN--MNCHEN-3YA.de',
    'ada@mu\u0308nchen.de',
  ],
  // UTS 46: letters of full width and the full stops of other scripts are the same domain.
  ['ada@example.com', 'ada@ｅｘａｍｐｌｅ.com', 'ada@example。com', 'ada@example．com', 'ada@example｡com'],
  // RFC 5321 section 4.1.2: quotes do not belong to the local part.
  ['ada.l@example.com', '"ada.l"@example.com', '"a\\da.\\l"@EXAMPLE.com'],
] as const

/** Addresses that resemble each other, and may be different mailboxes. */
const APART = [
  'ada@example.com',
  'a.da@example.com',
  'ada+x@example.com',
  '"ada x"@example.com',
  '"ada..x"@example.com',
  'ａda@example.com',
  'ada@example.co',
  'ada@exa-mple.com',
]

t.test('one mailbox is one user, in whichever spelling its address comes', async (t) => {
  const app = await createApp(t)
  for (const [stored, ...others] of MAILBOXES) {
    const registered = await post(app, '/register', { ...ada, email: others[0] })
    t.equal(registered.json().email, stored)
    for (const email of [stored, ...others]) {
      assertProblem(t, await post(app, '/register', { ...ada, email }), 'email_taken', email)
      t.equal((await post(app, '/login', { email, password: ada.password })).statusCode, 200, email)
      t.equal((await app.postern.findUser({ email }))?.email, stored, email)
    }
  }
})

t.test('addresses that may be different mailboxes stay apart', (t) => {
  t.equal(new Set(APART.map(normalizeEmail)).size, APART.length)
  t.same(APART.map(isEmailAddress).includes(false), false)
  t.notOk(isEmailAddress('ada@example.com.'), 'RFC 5321 knows no final dot')
  t.notOk(isEmailAddress('ada@example。'), 'of any script')
  t.end()
})

t.test('no domain is read as a part of a URL', (t) => {
  for (const domain of ['é.com/x', 'é.com:25', 'é%2ecom', 'é.com?x', 'é.com#x', 'é\\com', '[é]', 'é％2f']) {
    t.equal(normalizeEmail(`ada@${domain}`), `ada@${domain}`)
  }
  t.end()
})

t.test(
  'users from before there was one spelling are found as they are stored, two of one mailbox too',
  async (t) => {
    const settings = await sharedSettings(t)
    const app = await createApp(t, settings)
    const former = 'ada@münchen.de'
    const ascii = 'ada@xn--mnchen-3ya.de'
    await post(app, '/register', { ...ada, email: ascii })
    const db = openBeside(t, settings)
    await db.run('update users set email = ?', former)

    for (const email of [former, ascii]) {
      assertProblem(t, await post(app, '/register', { ...ada, email }), 'email_taken', email)
      t.equal((await post(app, '/login', { email, password: ada.password })).statusCode, 200, email)
    }

    await db.run('update users set email = ?', ascii)
    await post(app, '/register', { ...ada, email: 'eve@example.com', password: 'another long password' })
    await db.run('update users set email = ? where email = ?', former, 'eve@example.com')
    for (const [email, password] of [
      [ascii, ada.password],
      [former, 'another long password'],
    ]) {
      t.equal((await post(app, '/login', { email, password })).statusCode, 200, `${email}`)
    }
  },
)

t.test('the fast check of plain addresses agrees with the full check', async (t) => {
  const parts = ['a', 'b1', '0', '.', '-', '_', '+', '@', 'x.test', '.co', 'xn--p1ai', 'localhost']
  const texts = parts.flatMap((a) =>
    parts.flatMap((b) => parts.flatMap((c) => parts.map((d) => a + b + c + d))),
  )
  const long = [`${'a'.repeat(65)}@x.test`, `a@${'x'.repeat(64)}.test`, `a@x.${'t'.repeat(64)}`]

  const differing = [...texts, ...long].filter((text) => {
    return isEmailAddress(text) !== isEmail.default(text, { require_tld: false })
  })

  t.same(differing, [])
})
