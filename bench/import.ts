/**
 * How fast `postern users import` is, against inserting the same rows directly: by prepared statements in SQLite, by
 * COPY in PostgreSQL, in transactions of the same size and as durable. The two take turns.
 *
 *     npm run bench:import -- --users 1000000 --rounds 1 --format csv
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openDatabase } from '../drizzle/index.ts'
import { startPostgres } from '../test/postgres-server.ts'
import { insertIntoPostgres } from './import-postgres.ts'
import { type BulkRow, createRow } from './import-rows.ts'
import { insertIntoSqlite } from './import-sqlite.ts'

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    format: { type: 'string', default: 'ndjson' },
  },
})
const users = Number(values.users)
const rounds = Number(values.rounds)
const SECRET_KEY = randomBytes(32).toString('hex')
const BATCH = 1000

const directory = mkdtempSync(join(tmpdir(), 'postern-import-'))
const file = join(directory, `users.${values.format}`)
await writeUsers()
const postgres = await startPostgres({ flags: { fsync: 'on' } })
let places = 0

const databases = {
  SQLite: { url: () => join(directory, `${++places}.db`), insert: insertIntoSqlite },
  PostgreSQL: { url: () => postgres.url, insert: insertIntoPostgres },
}
try {
  for (const [name, { url, insert }] of Object.entries(databases)) {
    const ratios: number[] = []
    for (let round = 0; round < rounds; round++) {
      const bare = await measureBare(url(), insert)
      const imported = await measureImport(url())
      ratios.push(imported.rate / bare)
      console.log(
        `${name}: bare ${format(bare)} rows/s, ` +
          `imported ${format(imported.rate)} rows/s in ${imported.megabytes} MB`,
      )
    }
    console.log(`${name}: ratio ${ratios.map((ratio) => ratio.toFixed(2)).join(', ')} (bar: 0.50)`)
  }
} finally {
  await postgres.remove()
  rmSync(directory, { recursive: true })
}

async function writeUsers(): Promise<void> {
  const output = createWriteStream(file)
  if (values.format === 'csv') output.write('email,name,hashed_password,created_at\n')
  for (let index = 0; index < users; index++) {
    const { email, name, hashedPassword, createdAt } = createRow(index)
    const fields = { email, name, hashed_password: hashedPassword, created_at: createdAt.toISOString() }
    const line = values.format === 'csv' ? Object.values(fields).join() : JSON.stringify(fields)
    if (!output.write(`${line}\n`)) await once(output, 'drain')
  }
  output.end()
  await once(output, 'finish')
}

type Insert = (url: string, schema: string, batches: BulkRow[][]) => Promise<number>

/** Rows per second. */
async function measureBare(url: string, insert: Insert): Promise<number> {
  const schema = `bare_${++places}`
  await (await openDatabase(url, { databaseSchema: schema })).close()
  const batches: BulkRow[][] = []
  for (let index = 0; index < users; index += BATCH) {
    const length = Math.min(BATCH, users - index)
    batches.push(Array.from({ length }, (_, offset) => createRow(index + offset)))
  }
  return users / (await insert(url, schema, batches))
}

/** Rows per second of the whole command, its start included, and its peak memory. */
async function measureImport(url: string): Promise<{ rate: number; megabytes: number }> {
  const schema = `imported_${++places}`
  await (await openDatabase(url, { databaseSchema: schema })).close()
  const cli = new URL('../src/cli.ts', import.meta.url).pathname
  const begun = performance.now()
  const child = spawn(process.execPath, [cli, 'users', 'import', file, '--batch-size', String(BATCH)], {
    cwd: directory,
    env: { DATABASE_URL: url, DATABASE_SCHEMA: schema, SECRET_KEY },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  let kilobytes = 0
  const watch = setInterval(() => {
    kilobytes = Math.max(kilobytes, peakMemory(child.pid))
  }, 100)
  const [code] = await once(child, 'exit')
  clearInterval(watch)
  if (code !== 0) throw new Error(`the import ended with ${code}`)
  const seconds = (performance.now() - begun) / 1000
  return { rate: users / seconds, megabytes: Math.round(kilobytes / 1024) }
}

/** The peak memory of a process so far, in KiB; on Linux. */
function peakMemory(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

function format(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}
