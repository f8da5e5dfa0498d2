import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildApp } from './app.ts'

const ada = { email: 'ada@example.com', password: 'correct horse battery staple' }

test('keeps notes of users who are logged in, and of nobody else', async (t) => {
  const app = await buildApp(':memory:', 'a secret for tests, of 32 bytes or more')
  t.after(() => app.close())
  const post = (url: string, payload: object, headers = {}) =>
    app.inject({ method: 'POST', url, payload, headers })

  assert.equal((await post('/auth/register', ada)).statusCode, 201)
  const { access_token } = (await post('/auth/login', ada)).json()
  const headers = { authorization: `Bearer ${access_token}` }

  assert.equal((await post('/notes', { text: 'Buy milk' })).statusCode, 401)
  assert.equal((await post('/notes', { text: 'Buy milk' }, headers)).statusCode, 201)
  assert.deepEqual((await app.inject({ url: '/notes', headers })).json(), [{ id: 1, text: 'Buy milk' }])
  assert.deepEqual((await app.inject({ url: '/', headers })).json(), { hello: ada.email, notes: 1 })
  assert.deepEqual((await app.inject('/')).json(), { hello: 'stranger', notes: 1 })

  await post('/auth/logout', {}, headers)
  assert.equal((await app.inject({ url: '/notes', headers })).statusCode, 401)
  assert.equal((await app.inject({ url: '/', headers })).statusCode, 401)
})

test('a deleted user’s notes are deleted too', async (t) => {
  const app = await buildApp(':memory:', 'a secret for tests, of 32 bytes or more')
  t.after(() => app.close())
  await app.postern.register(ada)
  const { accessToken } = await app.postern.login(ada)
  const headers = { authorization: `Bearer ${accessToken}` }
  await app.inject({ method: 'POST', url: '/notes', payload: { text: 'Buy milk' }, headers })

  assert.equal((await app.inject({ method: 'DELETE', url: '/account', headers })).statusCode, 204)

  assert.equal((await app.inject({ url: '/notes', headers })).statusCode, 401)
  assert.deepEqual((await app.inject('/')).json(), { hello: 'stranger', notes: 0 })
})
