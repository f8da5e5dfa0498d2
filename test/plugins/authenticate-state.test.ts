import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { claimsOf } from '../forge.ts'
import {
  type Answer,
  ada,
  assertProblem,
  bearer,
  createApp,
  createToken,
  credentials,
  logIn,
  post,
} from '../helper.ts'
import { openBeside, sharedSettings } from '../shared-database.ts'

function getUser(app: FastifyInstance, token: string): Promise<Answer> {
  return app.inject({ url: '/getUser', headers: bearer(token) })
}

function assertRefused(t: Test, answer: Answer, about?: string): void {
  assertProblem(t, answer, 'invalid_token', about)
  t.match(answer.headers['www-authenticate'], /^Bearer error="invalid_token", error_description="[^"]+"$/)
  t.equal(answer.headers['cache-control'], 'no-store')
}

t.test('refuses a token of a deleted user, even if their e-mail is registered again', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)
  t.equal((await getUser(app, token)).statusCode, 200)

  await openBeside(t, settings).run('delete from users')

  assertRefused(t, await getUser(app, token))
  await post(app, '/register', ada)
  assertRefused(t, await getUser(app, token), 'the e-mail is registered again')
  t.equal((await getUser(app, await logIn(app))).statusCode, 200)
})

t.test('refuses every token of a disabled user until the user is enabled again', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)
  const db = openBeside(t, settings)
  t.equal((await getUser(app, token)).statusCode, 200)

  await db.run('update users set disabled_at = ?', new Date())
  assertRefused(t, await getUser(app, token))
  assertProblem(t, await post(app, '/login', credentials), 'account_disabled')

  await db.run('update users set disabled_at = null')
  t.equal((await getUser(app, token)).statusCode, 200)
})

t.test('refuses every token with an older token version', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const tokens = [await createToken(app), await logIn(app)]
  for (const token of tokens) t.equal((await getUser(app, token)).statusCode, 200)

  await openBeside(t, settings).run('update users set token_version = token_version + 1')

  for (const token of tokens) assertRefused(t, await getUser(app, token))
  t.equal((await getUser(app, await logIn(app))).statusCode, 200, 'a token of a new login is valid')
})

t.test('refuses a token that another process has revoked', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)
  t.equal((await getUser(app, token)).statusCode, 200)

  const db = openBeside(t, settings)
  await db.run(
    'insert into blacklisted_tokens values (?, ?, ?, ?)',
    claimsOf(token)['jti'],
    'anyone',
    new Date(),
    new Date(),
  )

  assertRefused(t, await getUser(app, token))
})

t.test('refuses a token while the database cannot say whether it is valid', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const token = await createToken(app)
  await getUser(app, token)

  await openBeside(t, settings).run('alter table blacklisted_tokens rename to away')

  assertProblem(t, await getUser(app, token), 'internal_error')
})
