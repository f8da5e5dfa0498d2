import t from 'tap'
import { postern, posternJson, startPostern } from '../cli.ts'
import { until } from '../process.ts'
import { countRows, fill, open, setScene } from './copy-scene.ts'

const ACCOUNTS = 20_000

t.test('goes on after it was killed, without a row lost or doubled', async (t) => {
  const { cwd, path, target } = await setScene(t)
  await fill(await open(t, path), ACCOUNTS)
  const there = await open(t, target.DATABASE_URL, target.DATABASE_SCHEMA)
  const first = startPostern(['copy', '--from', path], { cwd, env: target })
  await until(async () => (await there.users.list({ limit: 1 })).length > 0)
  first.process.kill('SIGKILL')
  t.equal((await first.exit).signal, 'SIGKILL')
  const half = await countRows(there)
  t.ok((half['users'] ?? 0) < ACCOUNTS, 'it was in the middle')
  t.equal(half['blacklistedTokens'], ACCOUNTS / 10, 'no revoked token is admitted on the way')
  t.equal(half['signingKeys'], 0, 'nor any other')

  const tables = await posternJson(['copy', '--from', path], { cwd, env: target })

  const users = tables.find(({ table }) => table === 'users')
  t.equal(Number(users?.['rows']), ACCOUNTS)
  t.ok(Number(users?.['inserted']) <= ACCOUNTS - (half['users'] ?? 0))
  t.match(await countRows(there), { users: ACCOUNTS, blacklistedTokens: ACCOUNTS / 10, signingKeys: 2 })
})

t.test('copies one moment of a database that is written meanwhile', async (t) => {
  const { cwd, path, target } = await setScene(t)
  const source = await open(t, path)
  await fill(source, ACCOUNTS)
  const writer = await open(t, path)

  const copying = startPostern(['copy', '--from', path], { cwd, env: target })
  await until(() => copying.stderr().includes('Copying blacklisted_tokens'))
  // Accounts and revocations, of which the copy must have all or none.
  await fill(writer, 1000)
  const { code, stderr } = await copying.exit

  t.equal(code, 0, stderr)
  const there = await open(t, target.DATABASE_URL, target.DATABASE_SCHEMA)
  t.match(await countRows(there), { users: ACCOUNTS, blacklistedTokens: ACCOUNTS / 10 })
  t.match(await countRows(source), { users: ACCOUNTS + 1000 })
  const { stdout } = await postern(['copy', '--from', path], { cwd, env: target })
  t.match(stdout, /^users +21000 +1000 /m, 'and what was missing can be copied afterwards')
})
