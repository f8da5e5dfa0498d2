import t from 'tap'
import { startProxy } from './proxy.ts'
import { assertRecovered, assertUnavailable, createPostgres, setScene } from './scene.ts'

const postgres = await createPostgres(t)

t.test('a network that swallows everything is a 503 until it does not', async (t) => {
  const proxy = await startProxy(t, postgres.port)
  const scene = await setScene(t, postgres, { url: proxy.through(postgres.url) })

  proxy.freeze()
  // By the connections that there are, and by new ones.
  await assertUnavailable(t, scene)
  await assertUnavailable(t, scene)
  proxy.thaw()
  await assertRecovered(t, scene)
})

t.test('a service that is told to stop does so, whether or not its database answers', async (t) => {
  const proxy = await startProxy(t, postgres.port)
  const { server } = await setScene(t, postgres, { url: proxy.through(postgres.url) })
  proxy.freeze()
  const { code } = await server.stop()
  t.equal(code, 0)
})
