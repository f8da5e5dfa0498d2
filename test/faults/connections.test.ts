import t from 'tap'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson } from '../server-process.ts'
import { startProxy } from './proxy.ts'
import { assertRecovered, createPostgres, setScene } from './scene.ts'

const postgres = await createPostgres(t)

/** The statements of a transaction, by what stands in no other one. */
const STATEMENTS = { begin: 'begin\0', insert: 'insert into', commit: 'commit\0' }

t.test('connections that nobody uses may be cut, by the server and on the way', async (t) => {
  const proxy = await startProxy(t, postgres.port)
  const scene = await setScene(t, postgres, { url: proxy.through(postgres.url) })

  proxy.cut()
  await assertRecovered(t, scene)

  await scene.operator.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'postern'`,
  )
  await assertRecovered(t, scene)
})

t.test(
  'a connection lost in the middle makes a 503, and no logout is called done unless it is',
  async (t) => {
    const proxy = await startProxy(t, postgres.port)
    const scene = await setScene(t, postgres, { url: proxy.through(postgres.url) })
    const { address } = scene.server
    const logOut = (token: string) => fetch(`${address}/logout`, { method: 'POST', headers: bearer(token) })
    const getUser = (token: string) => fetch(`${address}/getUser`, { headers: bearer(token) })

    for (const [statement, text] of Object.entries(STATEMENTS)) {
      for (const when of ['before', 'after'] as const) {
        const about = `${when} the server has answered its ${statement}`
        const token = await logInAt(address, ada)
        proxy.cutAt(text, when)
        const response = await logOut(token)
        t.equal(response.status, 503, about)
        t.match(await response.json(), { code: 'database_unavailable' }, about)
        // Only where the commit's answer was lost it has happened.
        const isDone = statement === 'commit' && when === 'after'
        t.equal((await getUser(token)).status, isDone ? 401 : 200, about)
        t.equal((await logOut(token)).status, 200, 'it can be done again')
        t.equal((await getUser(token)).status, 401)
      }
    }

    // As the statement of a check is called.
    proxy.cutAt('postern_', 'after')
    const response = await getUser(scene.token)
    t.equal(response.status, 503)
    t.match(await response.json(), { code: 'database_unavailable' })
    await assertRecovered(t, scene)
  },
)

t.test('a registration that is cut off is there or not, and the next attempt tells', async (t) => {
  const proxy = await startProxy(t, postgres.port)
  const { server } = await setScene(t, postgres, { url: proxy.through(postgres.url) })
  const person = { email: 'grace@example.com', password: 'nanoseconds of wire' }
  const register = () => postJson(`${server.address}/register`, person)

  proxy.cutAt(STATEMENTS.commit, 'before')
  t.equal((await register()).status, 503)
  proxy.cutAt(STATEMENTS.commit, 'after')
  t.equal((await register()).status, 503)
  t.equal((await register()).status, 409, 'the answer was lost, not the user')
  t.match(await logInAt(server.address, { ...ada, ...person }), /^eyJ/)
})
