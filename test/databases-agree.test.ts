import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { type Answer, ada, bearer, createApp, post } from './helper.ts'
import { basic, postForm } from './oauth.ts'
import { createSchema } from './postgres.ts'

const SECRET_KEY = 'a secret for tests, of 32 bytes or more'

/** The same service on SQLite and on PostgreSQL. */
async function createBoth(t: Test): Promise<[FastifyInstance, FastifyInstance]> {
  const { url, schema } = await createSchema(t)
  const postgres = { DATABASE_URL: url, DATABASE_SCHEMA: schema, DATABASE_POOL_SIZE: '3' }
  return [
    await createApp(t, { DATABASE_URL: ':memory:', SECRET_KEY }),
    await createApp(t, { ...postgres, SECRET_KEY }),
  ]
}

/** A response with placeholders for the values that differ between databases. */
function comparable({ statusCode, headers, body }: Answer): object {
  const { date: _date, 'x-request-id': _id, 'remote-user': _user, ...rest } = headers
  const text = body
    .replace(/"id":"[0-9a-f-]{36}"/, '"id":"a UUID"')
    .replace(/"created_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/, '"created_at":"an instant"')
    .replace(/"access_token":"[\w-]+\.[\w-]+\.[\w-]+"/, '"access_token":"a token"')
  return { statusCode, headers: rest, body: text }
}

/** Sends a request to both apps and asserts that their responses are the same. */
async function ask(
  t: Test,
  apps: [FastifyInstance, FastifyInstance],
  about: unknown,
  request: (app: FastifyInstance) => Promise<Answer>,
): Promise<[Answer, Answer]> {
  const answers: [Answer, Answer] = [await request(apps[0]), await request(apps[1])]
  const printed = JSON.stringify(about)
  t.ok(answers[0].statusCode < 500, `${printed}: ${answers[0].statusCode}`)
  t.same(comparable(answers[1]), comparable(answers[0]), printed)
  return answers
}

/** Names that one of the databases might truncate, fold, refuse or change. */
const NAMES = [
  '',
  ' ',
  ' Ada ',
  'Ada\u0000',
  '\u0000',
  'Ada\ud800',
  '\udc00Ada',
  '\u0001\u001f\u007f\u0085',
  'A\ufeffda\ufffe\uffff',
  'Zoe\u0308',
  'Zoë',
  '🦉'.repeat(225),
  'n'.repeat(225),
  'n'.repeat(226),
  "Robert'); drop table users; --",
  '\\ \\\\ \\x41 \\u0000',
  '%_?$1{}"',
  '\u{10ffff}\u{e000}\u{1f468}\u200d\u{1f469}',
  'null',
]

t.test('both databases accept, store and refuse the same names', async (t) => {
  const apps = await createBoth(t)
  for (const [index, name] of NAMES.entries()) {
    const login = { email: `${index}@example.com`, password: ada.password }
    const registered = await ask(t, apps, name, (app) => post(app, '/register', { ...login, name }))
    if (registered[0].statusCode !== 201) continue
    const logins = await ask(t, apps, name, (app) => post(app, '/login', login))
    const tokens = new Map(apps.map((app, which) => [app, logins[which]?.json().access_token]))
    const headers = (app: FastifyInstance) => bearer(tokens.get(app))
    const users = await ask(t, apps, name, (app) => app.inject({ url: '/getUser', headers: headers(app) }))
    t.equal(users[0].json().name, name)
    for (const which of [0, 1] as const)
      t.same(users[which].json(), registered[which].json(), 'as registered')
    await ask(t, apps, name, (app) => app.inject({ url: '/verify', headers: headers(app) }))
  }
})

/** E-mails that a database might treat as equal, and strings that are not e-mails. */
const EMAILS = [
  'ada@example.com',
  'ADA@EXAMPLE.COM',
  ' ada@example.com\n',
  'ada@example.co',
  'adà@example.com',
  'ada\u0300@example.com',
  'ADÀ@example.com',
  'straße@example.com',
  'strasse@example.com',
  'STRASSE@example.com',
  'ıda@example.com',
  'İda@example.com',
  'ada_@example.com',
  'ada%@example.com',
  'ada@example.com\u0000',
  '\u0000',
  'ada\ud800@example.com',
  "' or 1=1 --",
  `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.com`,
  'a'.repeat(10_000),
]

t.test('both databases distinguish the same e-mails', async (t) => {
  const apps = await createBoth(t)
  for (const email of EMAILS) {
    await ask(t, apps, email, (app) => post(app, '/register', { email, password: ada.password }))
    await ask(t, apps, email, (app) => post(app, '/login', { email, password: ada.password }))
  }
})

t.test('neither database finds a client by a malformed id', async (t) => {
  const apps = await createBoth(t)
  for (const id of ['', '\u0000', 'a\u0000b', '\ud800', "' or 1=1 --", '%', 'a'.repeat(8000), '%00', '%ff']) {
    for (const url of ['/introspect', '/revoke']) {
      const headers = basic(`${id}:secret`)
      const [answer] = await ask(t, apps, id, (app) => postForm(app, url, { token: 'x' }, headers))
      t.equal(answer.statusCode, 401)
    }
  }
})
