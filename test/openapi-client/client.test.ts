import createClient from 'openapi-fetch'
import t, { type Test } from 'tap'
import { ada, bearer, createApp } from '../helper.ts'
import type { components, paths } from './schema.d.ts'

// This file does not declare the types of bodies. They come from the generated types, and the compiler refuses any use
// of a response that the document does not describe. So compiling this file is half of the test.

async function startClient(t: Test) {
  const app = await createApp(t)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  return createClient<paths>({ baseUrl: address })
}

async function logIn(client: Awaited<ReturnType<typeof startClient>>) {
  await client.POST('/register', { body: ada })
  const { data } = await client.POST('/login', { body: { email: ada.email, password: ada.password } })
  if (!data) throw new Error('The login has failed')
  return { headers: bearer(data.access_token) }
}

t.test('a generated client registers a user', async (t) => {
  const client = await startClient(t)

  const { data, error, response } = await client.POST('/register', { body: ada })

  t.equal(response.status, 201)
  t.equal(error, undefined)
  const user: components['schemas']['User'] | undefined = data
  t.equal(user?.email, ada.email)
  t.equal(user?.name, ada.name)
  t.ok(Date.parse(user?.created_at ?? '') > 0)
})

t.test('a generated client logs in with JSON', async (t) => {
  const client = await startClient(t)
  await client.POST('/register', { body: ada })

  const { data } = await client.POST('/login', { body: { email: ada.email, password: ada.password } })

  const type: 'bearer' | undefined = data?.token_type
  t.equal(type, 'bearer')
  const seconds: number | undefined = data?.expires_in
  t.equal(seconds, 900)
})

t.test('a generated client logs in with the form of OAuth 2', async (t) => {
  const client = await startClient(t)
  await client.POST('/register', { body: ada })

  const { data } = await client.POST('/login', {
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: { grant_type: 'password', username: ada.email, password: ada.password },
  })

  t.match(data?.access_token, /^\S+\.\S+\.\S+$/)
})

t.test('a generated client gets the user of its token, logs out, and is refused afterwards', async (t) => {
  const client = await startClient(t)
  const request = await logIn(client)

  const { data: user } = await client.GET('/getUser', request)
  t.equal(user?.email, ada.email)
  const { data: answer } = await client.POST('/logout', request)
  t.equal(answer?.details, 'Logged out')
  const refused = await client.GET('/getUser', request)

  t.equal(refused.data, undefined)
  t.equal(refused.response.status, 401)
  t.equal(refused.error?.code, 'invalid_token')
  t.equal(refused.error?.status, 401)
})

t.test('a generated client also logs out by GET', async (t) => {
  const client = await startClient(t)
  const request = await logIn(client)

  const { data } = await client.GET('/logout', request)

  t.equal(data?.details, 'Logged out')
})

t.test('a generated client reads the code of an error', async (t) => {
  const client = await startClient(t)
  await client.POST('/register', { body: ada })

  const taken = await client.POST('/register', { body: ada })
  t.equal(taken.error?.code, 'email_taken')

  const wrong = await client.POST('/login', { body: { email: ada.email, password: 'a wrong one' } })
  t.equal(wrong.error?.code, 'invalid_credentials')

  const invalid = await client.POST('/register', { body: { email: 'nobody', password: ada.password } })
  const mistakes = invalid.error?.errors?.map(({ path, message }) => `${path} ${message}`)
  t.same(mistakes, ['/email must be an e-mail address'])
})

t.test(
  'the types of a generated client have no fields and codes that the service does not have',
  async (t) => {
    const client = await startClient(t)
    const { data, error } = await client.POST('/register', { body: ada })

    // @ts-expect-error: there is no such field in the answer
    t.equal(data?.hashed_password, undefined)
    // @ts-expect-error: there is no such code
    t.not(error?.code, 'no_such_code' satisfies NonNullable<typeof error>['code'])
    // @ts-expect-error: a field is missing
    const { response } = await client.POST('/register', { body: { email: ada.email } })
    t.equal(response.status, 400)
  },
)
