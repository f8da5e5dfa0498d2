import t, { type Test } from 'tap'
import { until } from '../server-process.ts'
import { startLoad } from './load.ts'
import {
  assertRecovered,
  assertUnavailable,
  connectOperator,
  createPostgres,
  type Scene,
  setScene,
} from './scene.ts'

const postgres = await createPostgres(t)

/** Asserts that a load has seen the outage, and no wrong response. */
async function assertKept(t: Test, load: ReturnType<typeof startLoad>): Promise<void> {
  await load.stop()
  await load.settle()
  await load.stop()
  t.same(load.violations, [])
  t.ok(load.users.length > 0 && load.endedTokens.length > 0, 'users have registered and logged out')
  const outage = Object.entries(load.answers).filter(([answer]) => answer.endsWith(' database_unavailable'))
  t.ok(outage.length > 0, 'users have seen the outage')
}

function loadOn({ server }: Scene) {
  return startLoad({ address: () => server.address, people: 8, pause: 20 })
}

for (const mode of ['fast', 'immediate'] as const) {
  t.test(
    `a server that stops (${mode}) under load is a 503 until it is back, and nothing acknowledged is lost`,
    async (t) => {
      const scene = await setScene(t, postgres)
      const load = loadOn(scene)
      await until(() => load.endedTokens.length > 5)

      await postgres.stop(mode)
      await assertUnavailable(t, scene)
      await assertUnavailable(t, scene)
      await postgres.start()
      scene.operator = await connectOperator(t, postgres.url)
      await until(async () => (await fetch(`${scene.server.address}/readyz`)).status === 200)
      const ended = load.endedTokens.length
      await until(() => load.endedTokens.length > ended + 5)

      await assertKept(t, load)
      await assertRecovered(t, scene)
    },
  )
}

t.test(
  'a server that does not answer is a 503 until it does, and nothing acknowledged is lost',
  async (t) => {
    const scene = await setScene(t, postgres)
    const load = loadOn(scene)
    await until(() => load.endedTokens.length > 5)

    postgres.signal('SIGSTOP')
    await assertUnavailable(t, scene)
    await assertUnavailable(t, scene)
    postgres.signal('SIGCONT')
    await until(async () => (await fetch(`${scene.server.address}/readyz`)).status === 200)
    const ended = load.endedTokens.length
    await until(() => load.endedTokens.length > ended + 5)

    await assertKept(t, load)
    await assertRecovered(t, scene)
  },
)
