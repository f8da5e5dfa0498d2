import t from 'tap'
import { runBalanced } from './balancer.ts'

/** The full test takes BALANCER_SECONDS=120. A quarter of that, with fewer users, finds most errors. */
const seconds = Number(process.env['BALANCER_SECONDS'] ?? 30)
const people = seconds >= 120 ? 200 : 60
const restarts = Math.max(1, Math.round(seconds / 24))

t.setTimeout(seconds * 1000 + 240_000)

t.test(
  `${people} users and four instances behind a balancer, for ${seconds} seconds, ` +
    `with one killed every ten seconds and the database restarted ${restarts} times`,
  async (t) => {
    const { load, kills, recoveries, missing } = await runBalanced(t, {
      instances: 4,
      people,
      seconds,
      secondsBetweenKills: 10,
      restarts,
    })
    const answers = Object.entries(load.answers).sort(([a], [b]) => a.localeCompare(b))
    for (const [answer, count] of answers) t.comment(`${count} x ${answer}`)
    t.comment(`${load.users.length} users, ${load.endedTokens.length} ended tokens, ${kills} kills`)
    for (const { ready, quiet } of recoveries) {
      t.comment(`all ready after ${ready.toFixed(1)} s, the last 503 after ${quiet.toFixed(1)} s`)
    }

    t.same(load.violations, [])
    t.equal(load.answers['getUser of an ended token 200'], undefined)
    t.equal(missing, 0, 'no acknowledged registration is missing')
    t.ok(
      load.users.length > people / 2 && load.endedTokens.length > people / 4,
      'users have registered and logged out',
    )
    t.ok(kills > 0 && recoveries.length === restarts)
    t.ok(recoveries.every(({ ready }) => ready < 20))
  },
)
