import t from 'tap'
import { createApp } from '../helper.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

t.test('is returned as the caller sent it', async (t) => {
  const app = await createApp(t)
  for (const id of ['42', 'Root=1-67891233-abcdef012345678912345678', 'a:b.c/d+e_f-g', 'x'.repeat(128)]) {
    const { headers } = await app.inject({ url: '/healthz', headers: { 'x-request-id': id } })
    t.equal(headers['x-request-id'], id)
  }
})

t.test('is a new one if the caller sent none that is safe to log', async (t) => {
  const app = await createApp(t)
  const hostile = [
    '',
    ' ',
    'a b',
    'x'.repeat(129),
    '{"level":60}',
    '<script>',
    '\u001b[31m',
    'ü',
    'a,b',
    '"',
    "'",
    'a;b',
  ]
  const given = [undefined, ...hostile, ['one', 'two']]

  const returned = await Promise.all(
    given.map(async (id) => {
      const headers = id === undefined ? {} : { 'x-request-id': id }
      return (await app.inject({ url: '/healthz', headers })).headers['x-request-id']
    }),
  )

  for (const id of returned) t.match(id, UUID)
  t.equal(new Set(returned).size, given.length, 'each request has its own')
})

t.test('is sent with errors too', async (t) => {
  const app = await createApp(t)
  const headers = { 'x-request-id': '42' }
  for (const url of ['/nowhere', '/getUser', '/%', '/openapi.json?']) {
    t.equal((await app.inject({ url, headers })).headers['x-request-id'], '42', url)
  }
  const { headers: answer } = await app.inject({ method: 'PUT', url: '/login', headers })
  t.equal(answer['x-request-id'], '42')
})
