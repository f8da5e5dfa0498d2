import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { createSealer } from '../../plugins/signing-keys/sealing.ts'
import { connectOperator, createPostgres } from '../faults/scene.ts'
import { claimsOf, forge, type StolenKey } from '../forge.ts'
import { ada, bearer } from '../helper.ts'
import { logInAt, postJson, type ServerProcess } from '../server-process.ts'
import { createDeployment, type Deployment, SECRET_KEY } from './deployment.ts'

/** The duration of the test. */
const seconds = Number(process.env['REVOCATION_SECONDS'] ?? 15)

t.setTimeout(seconds * 1000 + 120_000)

/** With fsync, since a crash may lose what is not on the disk. */
const postgres = await createPostgres(t, { fsync: 'on' })

/** Repeats an action until the time is over. */
async function repeat(action: (round: number) => Promise<void>): Promise<void> {
  const end = performance.now() + seconds * 1000
  for (let round = 0; performance.now() < end; round++) await action(round)
}

/** Creates tokens for Ada with the deployment's key, without the cost of a login. */
async function createIssuer(deployment: Deployment, { address }: ServerProcess): Promise<() => string> {
  await postJson(`${address}/register`, ada)
  const claims = claimsOf(await logInAt(address, ada))
  const operator = await connectOperator(t, postgres.url)
  const { rows } = await operator.query(`select * from ${deployment.env['DATABASE_SCHEMA']}.signing_keys`)
  const { kid, algorithm, public_key: publicKey, sealed_private_key: sealed } = rows[0]
  const identity = { kid, algorithm, publicKey }
  const key: StolenKey = { ...identity, privateKey: createSealer(SECRET_KEY).open(sealed, identity) }
  return () => forge(key, { ...claims, jti: uuidv7() })
}

/** Sends a request. @returns the status of the response, or 0 if none came */
async function ask(path: string, token: string, method = 'GET'): Promise<number> {
  try {
    const response = await fetch(path, {
      method,
      headers: bearer(token),
      signal: AbortSignal.timeout(20_000),
    })
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}

t.test('an acknowledged logout holds while instances are killed and the database restarts', async (t) => {
  const deployment = createDeployment(t, postgres.url, { LOG_LEVEL: 'warn' })
  const fleet = await Promise.all([deployment.start(), deployment.start(), deployment.start()])
  const issue = await createIssuer(deployment, fleet[0])
  const somewhere = () => fleet[Math.floor(Math.random() * fleet.length)]?.address ?? ''
  const tally: Record<string, number> = {}
  const ended: string[] = []

  const count = (what: string, status: number) => {
    const kind = `${what} ${status}`
    tally[kind] = (tally[kind] ?? 0) + 1
  }
  const checkEnded = async (token: string, address: string) =>
    count('after its logout', await ask(`${address}/getUser`, token))

  const holder = () =>
    repeat(async () => {
      const token = issue()
      let isOver = false
      // Checks run at the same time, so that every instance has the token in its cache and reads are under way.
      const others = (async () => {
        while (!isOver) count('before or during', await ask(`${somewhere()}/getUser`, token))
      })()
      const status = await ask(`${somewhere()}/logout`, token, 'POST')
      count('logout', status)
      if (status === 200) {
        ended.push(token)
        await Promise.all(fleet.map(({ address }) => checkEnded(token, address)))
      }
      isOver = true
      await others
      const old = ended[Math.floor(Math.random() * ended.length)]
      if (old !== undefined) await checkEnded(old, somewhere())
    })

  const restartDatabase = () =>
    repeat(async (round) => {
      await sleep(4000)
      await postgres.stop(round % 2 === 0 ? 'immediate' : 'fast')
      await postgres.start()
    })

  const replaceInstances = () =>
    repeat(async (round) => {
      await sleep(3000)
      const index = round % fleet.length
      await fleet[index]?.stop('SIGKILL')
      while (fleet[index]?.process.signalCode) {
        // As a supervisor does, if the instance finds no database.
        fleet[index] = await deployment.start().catch(() => fleet[index] as ServerProcess)
      }
    })

  await Promise.all([...Array.from({ length: 8 }, holder), restartDatabase(), replaceInstances()])
  for (const token of ended) await checkEnded(token, somewhere())

  for (const [what, times] of Object.entries(tally)) t.comment(`${times} x ${what}`)
  t.equal(tally['after its logout 200'], undefined)
  t.ok((tally['after its logout 401'] ?? 0) > ended.length && ended.length > 50)
  const statuses = new Set(Object.keys(tally).map((what) => what.split(' ').at(-1)))
  t.same(
    [...statuses].filter((status) => !['0', '200', '401', '503'].includes(status ?? '')),
    [],
  )
  const operator = await connectOperator(t, postgres.url)
  const { rows } = await operator.query(
    `select jti from ${deployment.env['DATABASE_SCHEMA']}.blacklisted_tokens`,
  )
  const revoked = new Set(rows.map(({ jti }) => jti))
  t.same(
    ended.filter((token) => !revoked.has(claimsOf(token)['jti'])),
    [],
    'each revocation is stored',
  )
})
