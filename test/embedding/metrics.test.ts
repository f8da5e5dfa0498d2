import { register as globalRegistry } from 'prom-client'
import t from 'tap'
import { ada, post } from '../helper.ts'
import { parseSamples } from '../scrape.ts'
import { createHost, createHostWithPostern, InvalidOptionsError, postern } from './host.ts'

const COUNT = 'postern_http_request_duration_seconds_count'

t.test('a host gets the metrics from code, and serves them as it likes', async (t) => {
  const host = await createHostWithPostern(t, { prefix: '/auth', metrics: true })
  host.get('/internal/metrics', async (_request, reply) => {
    const { contentType, body } = await host.postern.metrics()
    return reply.type(contentType).send(body)
  })
  await post(host, '/auth/register', ada)
  await host.inject('/notes')

  const { headers, body } = await host.inject('/internal/metrics')

  t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  const samples = parseSamples(body)
  t.equal(samples.get(`${COUNT}{method="POST",route="/auth/register",status="201"}`), 1)
  t.equal(samples.get('postern_checks_refused_total{reason="no_token"}'), 1, 'of a route of the host’s')
  t.notMatch(body, 'route="/notes"', 'whose requests are the host’s to count')
  t.notMatch(body, 'nodejs_', 'and so is its process')
})

t.test('two of them in one host count apart, and leave the host’s own registry alone', async (t) => {
  const host = createHost(t)
  const children = ['/one', '/two'].map(async (prefix) => {
    let metrics = async () => ({ body: '' })
    await host.register(async (child) => {
      await child.register(postern, { prefix, bcryptCost: 10, metrics: true })
      metrics = child.postern.metrics
    })
    return metrics
  })
  const [first, second] = await Promise.all(children)
  await post(host, '/one/register', ada)

  const series = `${COUNT}{method="POST",route="/one/register",status="201"}`
  t.equal(parseSamples((await first?.())?.body ?? '').get(series), 1)
  t.equal(parseSamples((await second?.())?.body ?? '').get(series), undefined)
  t.equal(await globalRegistry.metrics(), '\n')
})

t.test('measures nothing where it is not asked to', async (t) => {
  const host = await createHostWithPostern(t)
  await t.rejects(host.postern.metrics(), { message: /option metrics: true/ })

  const mistaken = createHost(t).register(postern, { metrics: 'yes' as never })
  await t.rejects(async () => await mistaken, new InvalidOptionsError('metrics must be true or false'))
})
