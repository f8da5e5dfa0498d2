import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { type CliOptions, postern, startPostern } from '../cli.ts'
import { createEvent } from '../drizzle/rows.ts'
import { ada } from '../helper.ts'
import { logInAt, postJson, startServer, until } from '../server-process.ts'
import { openPlace, places, sqlite } from './places.ts'
import { onEachDatabase } from './user-scene.ts'

const MINUTE = 60_000
const ESCAPES = '\u001b[2J\u009b31m\nrm -rf\u202e'

type Event = Record<string, string | null>

/** Parses the NDJSON that `postern audit` prints. */
async function list(args: string[], options: CliOptions): Promise<Event[]> {
  const { code, stdout, stderr } = await postern(['audit', ...args, '--json'], options)
  if (code !== 0) throw new Error(stderr)
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

/** An event from so many milliseconds ago, with an id of that time. */
function event(milliseconds: number, details: Parameters<typeof createEvent>[0] = {}) {
  const createdAt = new Date(Date.now() - milliseconds)
  return createEvent({ id: uuidv7({ msecs: createdAt.getTime() }), createdAt, ...details })
}

for (const [kind, settingsOf] of Object.entries(places)) {
  t.test(`finds events by user, name and time, on ${kind}`, async (t) => {
    const cwd = t.testdir()
    const env = await settingsOf(t, cwd)
    const database = await openPlace(t, env)
    const userId = uuidv7()
    const old = Array.from({ length: 1200 }, (_, index) =>
      event(120 * MINUTE - index, { event: 'user_created' }),
    )
    const recent = [
      event(3 * MINUTE, { userId }),
      event(2 * MINUTE, { event: 'authn_login_fail' }),
      event(MINUTE, { userId }),
    ]
    await database.insertRows('auditEvents', [...old, ...recent])
    const ids = (events: Event[]) => events.map(({ id }) => id)
    const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id)

    const latest = await list(['--limit', '2'], { cwd, env })
    t.same(ids(latest), idsOf(recent.slice(1)), 'the latest, oldest first')
    t.equal((await list([], { cwd, env })).length, 100, 'not all events by default')
    t.same(ids(await list(['--since', '1h'], { cwd, env })), idsOf(recent))
    t.same(ids(await list(['--since', '1d'], { cwd, env })), idsOf([...old, ...recent]), 'all pages')
    t.same(ids(await list(['--since', '1d', '--limit', '1'], { cwd, env })), idsOf(recent.slice(2)))
    t.same(ids(await list(['--user', userId], { cwd, env })), idsOf([recent[0], recent[2]] as typeof recent))
    t.same(ids(await list(['--event', 'authn_login_fail'], { cwd, env })), idsOf(recent.slice(1, 2)))
    const since = recent[1]?.createdAt.toISOString() ?? ''
    t.same(ids(await list(['--since', since], { cwd, env })), idsOf(recent.slice(1)))
  })
}

onEachDatabase(t, 'shows what a user did, and from where', async (t, scene) => {
  const { address, stop } = await startServer(t, scene)
  await postJson(`${address}/register`, ada)
  await logInAt(address, ada)
  await logInAt(address, { ...ada, password: 'not hers, at all' })
  await stop()

  const events = await list(['--user', ada.email], scene)

  t.match(events, [
    { event: 'user_created', address: '127.0.0.1' },
    { event: 'authn_login_success' },
    { event: 'authn_login_fail', reason: 'wrong_password' },
  ])
  const { stdout } = await postern(['audit', '--user', ada.email], scene)
  t.match(stdout, /^\d{4}-\S+Z authn_login_fail reason=wrong_password user_id=\S+ address=127\.0\.0\.1/m)
  t.notMatch(stdout, ada.password)
})

t.test('prints no control characters on a terminal', async (t) => {
  const cwd = t.testdir()
  const env = await sqlite(t, cwd)
  const database = await openPlace(t, env)
  await database.insertRows('auditEvents', [
    event(0, { userAgent: ESCAPES, actor: ESCAPES, reason: ESCAPES }),
  ])

  const shown = await postern(['audit'], { cwd, env })
  const json = await postern(['audit', '--json'], { cwd, env })

  for (const { code, stdout } of [shown, json]) {
    t.equal(code, 0)
    t.notMatch(stdout.trimEnd(), /[\p{Cc}\p{Cf}]/u)
  }
  t.match(shown.stdout, 'reason="\ufffd[2J')
  t.equal(JSON.parse(json.stdout).user_agent, ESCAPES, 'but JSON has the recorded text')
})

onEachDatabase(t, 'follows new events, each once, until it is interrupted', async (t, { cwd, env }) => {
  const database = await openPlace(t, env)
  const before = [event(2000, { reason: 'earlier' }), event(1000, { reason: 'last' })]
  await database.insertRows('auditEvents', before)

  const following = startPostern(['audit', '--follow', '--limit', '1'], { cwd, env })
  t.teardown(() => following.process.kill('SIGKILL'))
  await until(() => following.stdout().includes('reason=last'))
  await database.insertRows('auditEvents', [event(0, { reason: 'first' })])
  await until(() => following.stdout().includes('reason=first'))
  // From a transaction that began before the last one and took longer.
  await database.insertRows('auditEvents', [event(3000, { reason: 'late' })])
  await until(() => following.stdout().includes('reason=late'))
  following.process.kill('SIGINT')
  const { stdout } = await following.exit

  t.same(
    [...stdout.matchAll(/reason=(\w+)/g)].map(([, reason]) => reason),
    ['last', 'first', 'late'],
  )
})

t.test('explains wrong arguments', async (t) => {
  const cwd = t.testdir()
  for (const [args, message] of [
    [['--since', 'yesterday'], 'It must be a duration or a time, such as 90m'],
    [['--since', '2026-02-31T00:00:00'], 'It must be a duration or a time, such as 90m'],
    [['--event', 'nonsense'], 'Allowed choices are user_created'],
    [['--limit', '0'], 'a whole number from 1 to 999999999'],
  ] as const) {
    const { code, stdout, stderr } = await postern(['audit', ...args], { cwd })
    t.match([code, stdout, stderr], [2, '', message])
  }
  await postern(['migrate'], { cwd })
  const nobody = await postern(['audit', '--user', 'nobody@example.com'], { cwd })
  t.match([nobody.code, nobody.stderr], [1, 'There is no user nobody@example.com'])
})
