import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { countRounds, hash } from '../bcrypt-work.ts'
import { ada, assertProblem, createApp, credentials, post } from '../helper.ts'
import { type Beside, openBeside, sharedSettings } from '../shared-database.ts'

const WRONG = 'a wrong password'

/** Stores users as an import does, while the service runs. */
async function importUsers(db: Beside, hashes: Record<string, string>): Promise<void> {
  for (const [name, hashed] of Object.entries(hashes)) {
    const columns = 'id, email, hashed_password, created_at'
    const email = `${name}@example.com`
    await db.run(`insert into users (${columns}) values (?, ?, ?, ?)`, uuidv7(), email, hashed, new Date())
  }
}

t.test('every failed login does the same work, whatever the cost of the user’s hash', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, { ...settings, BCRYPT_COST: '11' })
  const db = openBeside(t, settings)
  await post(app, '/register', ada)
  const costs = [4, 5, 8, 10, 11]
  const hashes = await Promise.all(costs.map(async (cost) => [`c${cost}`, await hash(ada.password, cost)]))
  // What a support case or another program may have left. Nobody has their password.
  const unusable = {
    empty: '',
    locked: '!',
    cut: '$2b$10$short',
    foreign: '$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA',
  }
  await importUsers(db, { ...Object.fromEntries(hashes), ...unusable })
  const names = ['nobody', 'ada', ...costs.map((cost) => `c${cost}`), ...Object.keys(unusable)]
  const bad = [WRONG, 'x'.repeat(73), `${ada.password}\0`]

  const fail = (email: string, password: string) =>
    countRounds(async () =>
      assertProblem(t, await post(app, '/login', { email, password }), 'invalid_credentials'),
    )
  for (const name of names) {
    for (const password of bad) t.equal(await fail(`${name}@example.com`, password), 2 ** 11, name)
  }

  await importUsers(db, { eve: await hash(ada.password, 12) })
  for (const name of [...names, 'eve'])
    t.equal(await fail(`${name}@example.com`, WRONG), 2 ** 12, `${name}, later`)

  t.equal((await post(app, '/login', { ...credentials, email: 'eve@example.com' })).statusCode, 200)
  t.equal(await fail('nobody@example.com', WRONG), 2 ** 11, 'the highest hash was replaced')
})

t.test('a right password is compared once', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const db = openBeside(t, settings)
  await importUsers(db, { ada: await hash(ada.password, 5) })
  const logIn = () => post(app, '/login', credentials)

  t.equal(await countRounds(logIn), 2 ** 5)
  await db.run('update users set disabled_at = ?', new Date())
  t.equal(await countRounds(logIn), 2 ** 10)
  assertProblem(t, await logIn(), 'account_disabled')
})

t.test('no hash makes the logins of others cost more than BCRYPT_COST may be', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, settings)
  const db = openBeside(t, settings)
  await importUsers(db, { eve: `$2b$16$${'.'.repeat(53)}`, dee: `$2b$31$${'.'.repeat(53)}`, odd: '$2b$9x$' })

  t.equal(await countRounds(() => post(app, '/login', credentials)), 2 ** 10)
})

t.test('the work of a failed login is one job of the queue', async (t) => {
  const settings = await sharedSettings(t)
  const app = await createApp(t, { ...settings, METRICS_PORT: '0' })
  await importUsers(openBeside(t, settings), { ada: await hash(ada.password, 4) })

  const rounds = await countRounds(() => post(app, '/login', { ...credentials, password: WRONG }))

  t.equal(rounds, 2 ** 10, 'BCRYPT_COST counts, although no hash has it')
  t.match((await app.postern.metrics()).body, /hash_queue_wait_seconds_count 1\n/)
})

t.test('a failed login takes the time of its work', async (t) => {
  // At this cost the hash is nearly all of the work.
  const settings = await sharedSettings(t)
  const app = await createApp(t, { ...settings, BCRYPT_COST: '12' })
  await post(app, '/register', ada)
  await importUsers(openBeside(t, settings), { imported: await hash(ada.password, 10) })

  async function measureWork(email: string): Promise<number> {
    // CPU time, which does not depend on the load of the machine.
    const before = process.cpuUsage()
    const answer = await post(app, '/login', { email, password: WRONG })
    const { user, system } = process.cpuUsage(before)
    t.equal(answer.statusCode, 401)
    return user + system
  }

  await measureWork(ada.email)
  const wrongPassword = await measureWork(ada.email)
  for (const email of ['nobody@example.com', 'imported@example.com']) {
    const ratio = (await measureWork(email)) / wrongPassword
    t.ok(ratio > 0.5 && ratio < 2, `${email}: ${ratio} times the work`)
  }
})
