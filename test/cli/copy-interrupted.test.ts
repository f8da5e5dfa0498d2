import t from 'tap'
import { postern, posternJson, startPostern } from '../cli.ts'
import { until } from '../server-process.ts'
import { countRows, fill, open, setScene } from './copy-scene.ts'

const USERS = 20_000

t.test('continues after it was killed, without a lost or duplicate row', async (t) => {
  const { cwd, path, target } = await setScene(t)
  await fill(await open(t, path), USERS)
  const there = await open(t, target.DATABASE_URL, target.DATABASE_SCHEMA)
  const first = startPostern(['copy', '--from', path], { cwd, env: target })
  await until(async () => (await there.users.list({ limit: 1 })).length > 0)
  first.process.kill('SIGKILL')
  t.equal((await first.exit).signal, 'SIGKILL')
  const half = await countRows(there)
  t.ok((half['users'] ?? 0) < USERS, 'it was in the middle')
  t.equal(half['blacklistedTokens'], USERS / 10, 'all revocations are there')
  t.equal(half['signingKeys'], 0, 'no key is, so no token is accepted yet')

  const tables = await posternJson(['copy', '--from', path], { cwd, env: target })

  const users = tables.find(({ table }) => table === 'users')
  t.equal(Number(users?.['rows']), USERS)
  t.ok(Number(users?.['inserted']) <= USERS - (half['users'] ?? 0))
  t.match(await countRows(there), { users: USERS, blacklistedTokens: USERS / 10, signingKeys: 2 })
})

t.test('copies a snapshot of a database that is being written', async (t) => {
  const { cwd, path, target } = await setScene(t)
  const source = await open(t, path)
  await fill(source, USERS)
  const writer = await open(t, path)

  const copying = startPostern(['copy', '--from', path], { cwd, env: target })
  await until(() => copying.stderr().includes('Copying blacklisted_tokens'))
  // The copy must have none of these users and revocations.
  await fill(writer, 1000)
  const { code, stderr } = await copying.exit

  t.equal(code, 0, stderr)
  const there = await open(t, target.DATABASE_URL, target.DATABASE_SCHEMA)
  t.match(await countRows(there), { users: USERS, blacklistedTokens: USERS / 10 })
  t.match(await countRows(source), { users: USERS + 1000 })
  const { stdout } = await postern(['copy', '--from', path], { cwd, env: target })
  t.match(stdout, /^users +21000 +1000 /m, 'a second copy adds what was missing')
})
