import t from 'tap'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson } from '../server-process.ts'
import { startProxy } from './proxy.ts'
import { assertRecovered, createPostgres, setScene } from './scene.ts'

const postgres = await createPostgres(t)

/** The statements of a transaction, each by a text that no other has. */
const STATEMENTS = { begin: 'begin\0', insert: 'insert into', commit: 'commit\0' }

t.test('recovers from idle connections that the server or the network has cut', async (t) => {
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
  'a connection lost in a transaction is a 503, and only a committed logout is acknowledged',
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
        // The logout has happened only if the response to the commit was lost.
        const isDone = statement === 'commit' && when === 'after'
        t.equal((await getUser(token)).status, isDone ? 401 : 200, about)
        t.equal((await logOut(token)).status, 200, 'it can be repeated')
        t.equal((await getUser(token)).status, 401)
      }
    }

    // The prepared statement of a check has a name of this form.
    proxy.cutAt('postern_', 'after')
    const response = await getUser(scene.token)
    t.equal(response.status, 503)
    t.match(await response.json(), { code: 'database_unavailable' })
    await assertRecovered(t, scene)
  },
)

t.test('an interrupted registration is complete or absent, and the next attempt shows which', async (t) => {
  const proxy = await startProxy(t, postgres.port)
  const { server } = await setScene(t, postgres, { url: proxy.through(postgres.url) })
  const person = { email: 'grace@example.com', password: 'nanoseconds of wire' }
  const register = () => postJson(`${server.address}/register`, person)

  proxy.cutAt(STATEMENTS.commit, 'before')
  t.equal((await register()).status, 503)
  proxy.cutAt(STATEMENTS.commit, 'after')
  t.equal((await register()).status, 503)
  t.equal((await register()).status, 409, 'the response was lost, not the user')
  t.match(await logInAt(server.address, { ...ada, ...person }), /^eyJ/)
})
