import t from 'tap'
import { startProxy } from './proxy.ts'
import { assertRecovered, assertUnavailable, createPostgres, setScene } from './scene.ts'

const postgres = await createPostgres(t)

t.test('a network that drops everything is a 503 until it recovers', async (t) => {
  const proxy = await startProxy(t, postgres.port)
  const scene = await setScene(t, postgres, { url: proxy.through(postgres.url) })

  proxy.freeze()
  // First on existing connections, then on new ones.
  await assertUnavailable(t, scene)
  await assertUnavailable(t, scene)
  proxy.thaw()
  await assertRecovered(t, scene)
})

t.test('a service stops when told to, even if its database does not answer', async (t) => {
  const proxy = await startProxy(t, postgres.port)
  const { server } = await setScene(t, postgres, { url: proxy.through(postgres.url) })
  proxy.freeze()
  const { code } = await server.stop()
  t.equal(code, 0)
})
