import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { assertProblem, createApp } from '../helper.ts'

const BUNDLE = '/docs/static/swagger-ui-bundle.js'

t.test('sends the files of the docs page compressed, to clients that can read that', async (t) => {
  const app = await createApp(t)
  const plain = await app.inject(BUNDLE)
  t.equal(plain.statusCode, 200)
  t.equal(plain.headers['content-encoding'], undefined)

  for (const about of ['for the first time', 'again']) {
    const answer = await app.inject({ url: BUNDLE, headers: { 'accept-encoding': 'br, gzip;q=0.8' } })
    t.equal(answer.headers['content-encoding'], 'gzip', about)
    t.equal(answer.headers['vary'], 'accept-encoding')
    t.equal(answer.headers['content-length'], `${answer.rawPayload.length}`)
    t.ok(answer.rawPayload.length < plain.rawPayload.length / 3)
    t.ok(gunzipSync(answer.rawPayload).equals(plain.rawPayload), 'the same file')
  }

  for (const encoding of ['identity', 'br', 'gzip;q=0', 'br, gzip; q=0.000', '']) {
    const answer = await app.inject({ url: BUNDLE, headers: { 'accept-encoding': encoding } })
    t.equal(answer.headers['content-encoding'], undefined, encoding)
  }
  const headers = { 'accept-encoding': 'gzip' }
  const known = { ...headers, 'if-none-match': `${plain.headers['etag']}` }
  t.equal((await app.inject({ url: BUNDLE, headers: known })).statusCode, 304)
  const part = await app.inject({ url: BUNDLE, headers: { ...headers, range: 'bytes=0-9' } })
  t.equal(part.statusCode, 206)
  t.equal(part.rawPayload.length, 10)
  for (const url of ['/docs/', '/docs/json', '/openapi.json', '/healthz', '/.well-known/jwks.json']) {
    const answer = await app.inject({ url, headers })
    t.equal(answer.statusCode, 200, url)
    t.equal(answer.headers['content-encoding'], undefined, url)
  }
})

t.test('DOCS=false switches the page off, and nothing else', async (t) => {
  const app = await createApp(t, { DOCS: 'false' })

  for (const url of ['/docs', '/docs/', BUNDLE, '/docs/json']) {
    assertProblem(t, await app.inject(url), 'not_found', url)
  }
  t.equal((await app.inject('/openapi.json')).statusCode, 200)
})
