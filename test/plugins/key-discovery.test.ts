import SqliteDriver, { type Statement } from 'better-sqlite3'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import t, { type Test } from 'tap'
import { decodeHeader, encode } from '../forge.ts'
import { type Answer, ada, bearer, createApp, createToken, logIn, post } from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

/** Counts, while a test runs, how often this process reads the whole table of keys, with either driver. */
function countLooks(t: Test): () => number {
  let looks = 0
  const count = (sql: unknown) => {
    if (/"signing_keys" order by/.test(`${sql}`)) looks += 1
  }
  const statement: Statement = Object.getPrototypeOf(new SqliteDriver(':memory:').prepare('select 1'))
  const { all } = statement
  statement.all = function (...parameters) {
    count(this.source)
    return all.apply(this, parameters)
  }
  const client: { query(...parameters: unknown[]): unknown } = pg.Client.prototype
  const { query } = client
  client.query = function (...parameters) {
    count((parameters[0] as { text?: string }).text)
    return query.apply(this, parameters)
  }
  t.teardown(() => {
    statement.all = all
    client.query = query
  })
  return () => looks
}

async function getUser(app: FastifyInstance, token: string): Promise<Answer> {
  return await app.inject({ url: '/getUser', headers: bearer(token) })
}

t.test('a running service finds each key that another process creates', async (t) => {
  const settings = await sharedSettings(t)
  const [app, beside] = await Promise.all([createApp(t, settings), createApp(t, settings)])
  const db = openBeside(t, settings)
  await post(app, '/register', ada)
  const kids = new Set<unknown>()

  for (let round = 1; round <= 4; round++) {
    const token = await logIn(app)
    kids.add(decodeHeader(token)['kid'])
    t.equal((await getUser(beside, token)).statusCode, 200, `key ${round}`)
    t.equal((await getUser(app, token)).statusCode, 200)

    await db.run('update signing_keys set retires_at = ? where retires_at is null', new Date())

    for (const instance of [app, beside]) t.equal((await getUser(instance, token)).statusCode, 401)
  }
  t.equal(kids.size, 4)
})

t.test('unknown key ids cause few queries, however many there are', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)
  const [, payload, signature] = token.split('.')
  const looks = countLooks(t)
  const start = performance.now()

  for (let round = 0; round < 5; round++) {
    const flood = Array.from({ length: 100 }, (_, index) => {
      const header = encode({ alg: 'ES256', typ: 'at+jwt', kid: `unknown-${round}-${index}` })
      return getUser(app, `${header}.${payload}.${signature}`)
    })
    t.ok((await Promise.all(flood)).every(({ statusCode }) => statusCode === 401))
  }

  const bound = (performance.now() - start) / 100 + 1
  t.ok(looks() >= 1, 'it looked')
  t.ok(looks() <= bound, `${looks()} looks, where ${Math.floor(bound)} are allowed`)
  t.equal((await getUser(app, token)).statusCode, 200)
})

t.test('tokens that cannot be ours and tokens of known keys cause no query', async (t) => {
  const app = await createApp(t)
  const token = await createToken(app)
  const [, payload, signature] = token.split('.')
  const { alg, kid, typ } = decodeHeader(token)
  const looks = countLooks(t)

  for (const header of [
    { alg: 'none', kid },
    { alg: 'ES512', typ, kid: 'x' },
    { alg, typ },
    { alg, kid: 7 },
    [],
    'x',
  ]) {
    t.equal((await getUser(app, `${encode(header)}.${payload}.${signature}`)).statusCode, 401)
  }
  for (const garbage of ['x', 'a.b.c', '..', `${payload}`]) {
    t.equal((await getUser(app, garbage)).statusCode, 401)
  }
  t.equal((await getUser(app, token)).statusCode, 200)
  t.equal(looks(), 0)
})
