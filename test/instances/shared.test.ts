import t, { type Test } from 'tap'
import { createPostgres } from '../faults/scene.ts'
import { decodeHeader } from '../forge.ts'
import { ada, bearer, createApp } from '../helper.ts'
import { logInAt, postJson, type ServerProcess } from '../server-process.ts'
import { createDeployment, PATIENT } from './deployment.ts'

t.setTimeout(300_000)

const postgres = await createPostgres(t)

/** Two instances, with Ada registered. */
async function startTwo(t: Test) {
  const deployment = createDeployment(t, postgres.url, PATIENT)
  const [one, other] = await Promise.all([deployment.start(), deployment.start()])
  await postJson(`${one.address}/register`, ada)
  return { deployment, one, other }
}

const getUser = async ({ address }: ServerProcess, token: string) =>
  (await fetch(`${address}/getUser`, { headers: bearer(token) })).status

const logOut = async ({ address }: ServerProcess, token: string) =>
  (await fetch(`${address}/logout`, { method: 'POST', headers: bearer(token) })).status

async function publishedKids({ address }: ServerProcess): Promise<string[]> {
  const response = await fetch(`${address}/.well-known/jwks.json`)
  const { keys } = (await response.json()) as { keys: { kid: string }[] }
  return keys.map(({ kid }) => kid)
}

t.test('a token that one instance has logged out is refused by the other on the next request', async (t) => {
  const { one, other } = await startTwo(t)
  const statuses = { admitted: 0, refused: 0 }
  for (let round = 0; round < 20; round++) {
    const token = await logInAt(one.address, ada)
    // The other instance has seen the token, and may have it in its cache.
    if ((await getUser(other, token)) === 200) statuses.admitted++
    t.equal(await logOut(one, token), 200)
    const answers = await Promise.all(Array.from({ length: 20 }, () => getUser(other, token)))
    if (answers.every((status) => status === 401)) statuses.refused++
  }
  t.same(statuses, { admitted: 20, refused: 20 })
})

t.test('no check that begins after the response to a logout at the other instance is admitted', async (t) => {
  const { one, other } = await startTwo(t)
  let late = 0
  for (let round = 0; round < 10; round++) {
    const token = await logInAt(one.address, ada)
    let isLoggedOut = false
    const check = async () => {
      for (let count = 0; count < 40; count++) {
        const cameAfter = isLoggedOut
        if ((await getUser(other, token)) === 200 && cameAfter) late++
      }
    }
    const checks = Array.from({ length: 4 }, check)
    t.equal(await logOut(one, token), 200)
    isLoggedOut = true
    await Promise.all(checks)
    t.equal(await getUser(other, token), 401)
  }
  t.equal(late, 0)
})

t.test('a user who is disabled by one instance is refused by all on the next request', async (t) => {
  const { deployment, one, other } = await startTwo(t)
  const embedded = await createApp(t, deployment.env)
  const token = await logInAt(one.address, ada)
  t.same([await getUser(one, token), await getUser(other, token)], [200, 200])

  const user = await embedded.postern.findUser({ email: ada.email })
  await embedded.postern.disableUser(user?.id ?? '')

  t.same([await getUser(one, token), await getUser(other, token)], [401, 401])
  const { email, password } = ada
  t.equal((await postJson(`${other.address}/login`, { email, password })).status, 403)
})

t.test('a key that a command creates is published by all instances at once', async (t) => {
  const { deployment, one, other } = await startTwo(t)
  const [next] = JSON.parse(await deployment.command('keys', 'rotate', '--json'))
  t.equal(next.state, 'published')
  for (const instance of [one, other]) t.match(await publishedKids(instance), [/./, next.kid])
})

t.test(
  'a retired key is refused by all instances on the next request, and its successor accepted at once',
  async (t) => {
    const { deployment, one, other } = await startTwo(t)
    const instances = [one, other]
    for (let round = 0; round < 3; round++) {
      const token = await logInAt(one.address, ada)
      for (const instance of instances) t.equal(await getUser(instance, token), 200)

      const kid = String(decodeHeader(token)['kid'])
      await deployment.command('keys', 'retire', kid)

      for (const instance of instances) {
        t.equal(await getUser(instance, token), 401)
        t.notOk((await publishedKids(instance)).includes(kid))
      }
      // The first login creates the next key, and all instances accept its tokens at once.
      const successors = await Promise.all(
        Array.from({ length: 10 }, async (_, index) => {
          const token = await logInAt(instances[index % 2]?.address ?? '', ada)
          return { kid: decodeHeader(token)['kid'], status: await getUser(index % 2 ? one : other, token) }
        }),
      )
      t.ok(successors.every(({ status }) => status === 200))
      t.equal(new Set(successors.map((successor) => successor.kid)).size, 1)
      t.not(successors[0]?.kid, kid)
    }
  },
)
