import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startPostern } from '../cli.ts'
import { until } from '../server-process.ts'
import { importText, line, lookInto, onEachDatabase } from './user-scene.ts'

const LINES = 20_000
const BATCH = 100

onEachDatabase(t, 'continues after it was killed, without half a batch', async (t, scene) => {
  const text = Array.from({ length: LINES }, (_, index) => line(index)).join('')
  const file = join(scene.cwd, 'users.ndjson')
  writeFileSync(file, text)
  const db = lookInto(t, scene)
  const count = async (table: string) => Number(await db.value(`select count(*) from ${table}`))

  const first = startPostern(['users', 'import', file, '--batch-size', String(BATCH)], scene)
  await until(async () => (await count('users')) > 0)
  first.process.kill('SIGKILL')
  t.equal((await first.exit).signal, 'SIGKILL')
  const half = await count('users')
  t.ok(half < LINES, 'it was in the middle')
  t.equal(half % BATCH, 0, 'whole batches')
  t.equal(await count('audit_events'), half, 'each with its events')

  const { code, result, stderr } = await importText(scene, 'users.ndjson', text, [
    '--batch-size',
    String(BATCH),
  ])

  t.equal(code, 0, stderr)
  t.match(result, { lines: LINES, imported: LINES - half, unchanged: half, bad: 0 })
  t.equal(await count('users'), LINES)
  t.equal(await count('audit_events'), LINES)
})
