import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { ada, bearer } from '../helper.ts'
import { readBlocks, readPage, readSection } from '../markdown.ts'
import { createSchema } from '../postgres.ts'
import { COMPILE_CACHE, logInAt, postJson, startServer } from '../server-process.ts'

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))
const URL_OF_PAGE = 'postgres://postern:password@db.example.com:5432/postern'

t.test('the commands of docs/scaling.md move a deployment to PostgreSQL', async (t) => {
  const [block = ''] = readBlocks(readSection(readPage('docs/scaling.md'), '## Move to PostgreSQL'), 'sh')
  t.ok(block.includes(URL_OF_PAGE))
  const cwd = t.testdir()
  const before = await startServer(t, { cwd })
  await postJson(`${before.address}/register`, ada)
  const token = await logInAt(before.address, ada)
  await before.stop()
  const { url, schema } = await createSchema(t)

  const script = `postern() { '${process.execPath}' '${CLI}' "$@"; }
${block.replace(URL_OF_PAGE, url)}
echo "secret=$SECRET_KEY"`
  const { stdout } = await promisify(execFile)('bash', ['-c', script], {
    cwd,
    env: { ...COMPILE_CACHE, PATH: process.env['PATH'] ?? '', DATABASE_SCHEMA: schema, BCRYPT_COST: '10' },
  })

  t.match(stdout, /^users +1 +1 +[0-9a-f]{64}$/m)
  const SECRET_KEY = /^secret=(.+)$/m.exec(stdout)?.[1] ?? ''
  const env = { DATABASE_URL: url, DATABASE_SCHEMA: schema, SECRET_KEY }
  const after = await startServer(t, { cwd, env })
  t.equal((await fetch(`${after.address}/getUser`, { headers: bearer(token) })).status, 200)
})
