import t from 'tap'
import { createPostgres } from '../faults/scene.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, runServer } from '../server-process.ts'
import { createDeployment, PATIENT, SECRET_KEY } from './deployment.ts'

t.setTimeout(300_000)

const postgres = await createPostgres(t)

const OTHER_SECRET_KEY = 'another secret for tests, of 32 bytes or more'

t.test('ten instances that start at once on an empty database all start, with one signing key', async (t) => {
  const deployment = createDeployment(t, postgres.url, PATIENT)
  const instances = await Promise.all(Array.from({ length: 10 }, () => deployment.start()))

  t.equal((await postJson(`${instances[0]?.address}/register`, ada)).status, 201)
  const kids = new Set()
  for (const { address } of instances) {
    const token = await logInAt(address, ada)
    kids.add(JSON.parse(atob(token.split('.')[0] ?? '')).kid)
    const answers = instances.map((other) => fetch(`${other.address}/getUser`, { headers: bearer(token) }))
    t.ok(
      (await Promise.all(answers)).every(({ status }) => status === 200),
      'every other instance accepts its token',
    )
  }
  t.equal(kids.size, 1)
  t.equal(JSON.parse(await deployment.command('keys', 'list', '--json')).length, 1)
})

t.test('an instance with another SECRET_KEY does not start, and says so', async (t) => {
  const deployment = createDeployment(t, postgres.url, PATIENT)
  await deployment.start()
  const env = { ...deployment.env, SECRET_KEY: OTHER_SECRET_KEY }
  const { code, stderr } = await runServer(t, { cwd: t.testdir(), env })
  t.equal(code, 1)
  t.match(stderr, /^Postern could not start\.\nSECRET_KEY is not the one/)
  t.notMatch(stderr, OTHER_SECRET_KEY)
})

t.test(
  'of instances that start at once with two different SECRET_KEYs, those with one of them start',
  async (t) => {
    const deployment = createDeployment(t, postgres.url, PATIENT)
    const start = async (key: string) => {
      try {
        await deployment.start({ SECRET_KEY: key })
        return `${key} started`
      } catch (error) {
        t.match((error as Error).message, /SECRET_KEY is not the one/)
        return `${key} did not start`
      }
    }
    const keys = [SECRET_KEY, OTHER_SECRET_KEY, SECRET_KEY, OTHER_SECRET_KEY]
    const outcomes = await Promise.all(keys.map(start))
    t.equal(new Set(outcomes).size, 2, 'all instances with a key have the same outcome')
    t.equal(outcomes.filter((outcome) => outcome.endsWith('started')).length, 2)
  },
)

t.test('an instance without SECRET_KEY does not start, and says what is missing', async (t) => {
  const { SECRET_KEY: _, ...env } = createDeployment(t, postgres.url, PATIENT).env
  const { code, stderr } = await runServer(t, { cwd: t.testdir(), env })
  t.equal(code, 1)
  t.match(stderr, /^Postern could not start\.\nSECRET_KEY .*must be set with PostgreSQL/)
})
