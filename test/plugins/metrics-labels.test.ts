import { randomBytes } from 'node:crypto'
import { METHODS } from 'node:http'
import type { HTTPMethods } from 'fastify'
import t from 'tap'
import { claimsOf } from '../forge.ts'
import { ada, bearer, createApp, createToken, credentials, post } from '../helper.ts'
import { scrape } from '../scrape.ts'

const COUNT = 'postern_http_request_duration_seconds_count'

t.test('counts a request under its route, its method and its status', async (t) => {
  const app = await createApp(t, { METRICS_PORT: '0' })
  const token = await createToken(app)
  await app.inject({ url: '/getUser', headers: bearer(token) })
  await app.inject({ url: '/getUser?access_token=sesame', headers: bearer(token) })
  await app.inject({ method: 'HEAD', url: '/getUser', headers: bearer(token) })
  await app.inject('/getUser')
  await app.inject({ method: 'PURGE' as HTTPMethods, url: '/verify/some/path', headers: bearer(token) })
  await app.inject({ method: 'DELETE', url: '/login' })
  await app.inject('/healthz')
  await app.inject('/no/such/path')
  await app.inject('/%')

  const samples = await scrape(app)
  const counted = [...samples].filter(([series]) => series.startsWith(COUNT))
  t.same(counted.map(([series, count]) => [series.slice(COUNT.length), count]).sort(), [
    ['{method="DELETE",route="/login",status="405"}', 1],
    ['{method="GET",route="/getUser",status="200"}', 2],
    ['{method="GET",route="/getUser",status="401"}', 1],
    ['{method="GET",route="/healthz",status="200"}', 1],
    ['{method="GET",route="unknown",status="400"}', 1],
    ['{method="GET",route="unknown",status="404"}', 1],
    ['{method="HEAD",route="/getUser",status="200"}', 1],
    ['{method="POST",route="/login",status="200"}', 1],
    ['{method="POST",route="/register",status="201"}', 1],
    ['{method="other",route="/verify",status="200"}', 1],
  ])
  const login = 'method="POST",route="/login",status="200"'
  const name = 'postern_http_request_duration_seconds'
  t.ok(Number(samples.get(`${name}_sum{${login}}`)) > 0)
  t.equal(samples.get(`${name}_bucket{le="+Inf",${login}}`), 1)
  const buckets = [...samples].filter(([series]) => series.startsWith(name) && series.includes(`,${login}`))
  t.same(
    buckets.map(([, value]) => value),
    buckets.map(([, value]) => value).toSorted((a, b) => a - b),
    'each bucket has all that are in those before it',
  )
})

t.test('has no more series for a thousand strange requests than for one', async (t) => {
  const app = await createApp(t, { METRICS_PORT: '0' })
  const token = await createToken(app)
  const methods = METHODS.filter((method) => method !== 'CONNECT') as HTTPMethods[]
  const strangeRequests = async () => {
    for (const method of methods) {
      const path = randomBytes(6).toString('hex')
      await app.inject({ method, url: `/${path}?${path}` })
      await app.inject({ method, url: `/verify/${path}`, headers: bearer(token) })
      await app.inject({ method, url: `/docs/static/${path}` })
      await app.inject({ method, url: `/getUser/${path}`, headers: bearer(`${path}.${path}.${path}`) })
      await app.inject({ method, url: '/login', headers: { 'x-request-id': path, 'user-agent': path } })
    }
  }
  await strangeRequests()
  const once = new Set((await scrape(app)).keys())
  t.ok([...once].filter((series) => series.startsWith(COUNT)).length < 60, 'not one for each method')

  for (let round = 0; round < 6; round++) await strangeRequests()

  const samples = [...(await scrape(app)).keys()]
  t.same(
    samples.filter((series) => series.startsWith('postern_') && !once.has(series)),
    [],
  )
})

t.test('names no user, and no token, password or key', async (t) => {
  const app = await createApp(t, { METRICS_PORT: '0' })
  const token = await createToken(app)
  await app.inject({ url: `/getUser?access_token=${token}`, headers: bearer(token) })
  await app.inject({ url: `/verify/${ada.email}`, headers: bearer(token) })
  await app.inject(`/${encodeURIComponent(ada.email)}/${token}`)
  await post(app, '/login', { ...credentials, password: 'something else' })
  await post(app, '/login', { ...credentials, email: 'nobody@example.com' })
  const [{ kid = '' } = {}] = (await app.inject('/.well-known/jwks.json')).json().keys
  await app.inject({ method: 'POST', url: '/logout', headers: bearer(token) })

  const { body } = await app.postern.metrics()

  const { sub, jti } = claimsOf(token)
  const people = { email: ada.email, name: ada.name, 'another e-mail': 'nobody@', id: sub }
  const secrets = { password: ada.password, 'wrong password': 'something else', token, jti, kid }
  for (const [what, text] of Object.entries({ ...people, ...secrets, signature: token.split('.')[2] })) {
    t.ok(typeof text === 'string' && text !== '' && !body.includes(text), what)
  }
})
