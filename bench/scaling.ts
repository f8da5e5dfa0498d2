/**
 * How a database grows with its users, logouts and events, and what checks, logouts and pruning then cost. With
 * `--copy` also how long `postern copy` takes.
 *
 *     npm run bench:scaling -- --rows 100000,1000000 --only sqlite,postgres --copy
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { v7 as uuidv7 } from 'uuid'
import { type Database, openDatabase } from '../drizzle/index.ts'
import { createAuditEvent } from '../plugins/audit/event.ts'
import { startPostgres } from '../test/postgres-server.ts'
import { fill } from './scaling-rows.ts'
import { postgresSizes, type Sizes, sqliteSizes } from './scaling-sizes.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000,1000000' },
    only: { type: 'string', default: 'sqlite,postgres' },
    copy: { type: 'boolean', default: false },
  },
})

const CHECKS = 5000
const LOGOUTS = 500
/** The rows of one step of the service's pruning. */
const STEP = 200
const HOUR = 3_600_000

const directory = mkdtempSync(join(tmpdir(), 'postern-scaling-'))
const server = values.only.includes('postgres') || values.copy ? await startServer() : undefined
console.log(
  `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, Node.js ${process.versions.node}, ` +
    `${new Date().toISOString().slice(0, 10)}\n`,
)
try {
  for (const rows of values.rows.split(',').map(Number)) {
    const path = join(directory, `${rows}.db`)
    if (values.only.includes('sqlite')) {
      await measure(`SQLite, ${rows} rows of each table`, await openDatabase(path), sqliteSizes(path), rows)
    }
    if (values.only.includes('postgres') && server) {
      const schema = `rows_${rows}`
      const database = await openDatabase(server.url, {
        databaseSchema: schema,
        databaseStatementTimeoutMs: 60_000,
      })
      await measure(
        `PostgreSQL, ${rows} rows of each table`,
        database,
        await postgresSizes(server.url, schema),
        rows,
      )
    }
    if (values.copy && server) await measureCopy(server.url, rows)
  }
} finally {
  await server?.remove()
  rmSync(directory, { recursive: true })
}

/** With fsync, and with the server's default settings. */
function startServer() {
  return startPostgres({ flags: { fsync: 'on' } })
}

async function measure(title: string, database: Database, sizes: Sizes, rows: number): Promise<void> {
  console.log(title)
  const begun = performance.now()
  const { userIds, jtis } = await fill(database, rows)
  say('rows inserted a second, in statements of 5000', (3 * rows * 1000) / (performance.now() - begun))
  await sizes.settle()
  for (const { table, heap, indexes } of await sizes.measure()) {
    console.log(
      `  ${table}: ${(heap / rows).toFixed(0)} bytes a row, and ${(indexes / rows).toFixed(0)} in indexes`,
    )
  }
  say('MB in all', (await sizes.total()) / 1e6)

  await measureChecks(database, userIds, jtis)
  await measureLogouts(database, userIds)
  await measurePruning(database)
  await sizes.settle()
  for (const { table, heap, indexes } of await sizes.measure()) {
    if (table === 'blacklisted_tokens') say('MB of the blacklist, pruned by half', (heap + indexes) / 1e6)
  }
  console.log()
  await sizes.close()
  await database.close()
}

/** Checks in sequence, of tokens that are not cached: each reads its user, its key and the blacklist. */
async function measureChecks({ principals }: Database, userIds: string[], jtis: string[]): Promise<void> {
  const times: number[] = []
  for (let index = 0; index < CHECKS; index++) {
    const pick = Math.floor(Math.random() * userIds.length)
    const jti = index % 2 ? uuidv7() : (jtis[pick] ?? '')
    const slot = { userId: userIds[pick] ?? '', jti, kid: 'none', row: undefined, state: null }
    const begun = performance.now()
    await principals.load([slot])
    times.push((performance.now() - begun) * 1000)
  }
  report('µs for the read of a check', times)
}

async function measureLogouts({ blacklistedTokens }: Database, userIds: string[]): Promise<void> {
  const times: number[] = []
  for (let index = 0; index < LOGOUTS; index++) {
    const userId = userIds[index % userIds.length] ?? ''
    const jti = uuidv7()
    const begun = performance.now()
    await blacklistedTokens.insert(
      { jti, userId, expiresAt: new Date(Date.now() + HOUR), createdAt: new Date() },
      createAuditEvent('authn_token_revoked', { userId, target: jti }),
    )
    times.push((performance.now() - begun) * 1000)
  }
  report('µs for the commit of a logout', times)
}

async function measurePruning({ blacklistedTokens }: Database): Promise<void> {
  const times: number[] = []
  let deleted = 0
  for (let step = STEP; step === STEP; deleted += step) {
    const begun = performance.now()
    step = await blacklistedTokens.prune(HOUR, STEP)
    times.push((performance.now() - begun) * 1000)
  }
  report(`µs for a step of pruning, of ${STEP} rows`, times)
  const seconds = times.reduce((sum, time) => sum + time, 0) / 1e6
  say(`rows pruned a second without pauses, ${deleted} in all`, deleted / seconds)
}

/** Runs the command: from a SQLite file into a server. */
async function measureCopy(url: string, rows: number): Promise<void> {
  const source = join(directory, 'source.db')
  const env = { SECRET_KEY: 'a secret for benchmarks, of 32 bytes or more' }
  await run(['migrate'], { ...env, DATABASE_URL: source })
  await run(['keys', 'rotate'], { ...env, DATABASE_URL: source })
  const database = await openDatabase(source)
  await fill(database, rows)
  await database.close()
  console.log(`postern copy from SQLite to PostgreSQL, ${rows} rows of each of three tables`)
  const begun = performance.now()
  const megabytes = await run(['copy', '--from', source, '--to', url], {
    ...env,
    DATABASE_SCHEMA: `copy_${rows}`,
  })
  say('rows a second, comparing included', (3 * rows * 1000) / (performance.now() - begun))
  say('MB of memory at most', megabytes)
  console.log()
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${source}${suffix}`, { force: true })
}

/** @returns the peak memory of the process in MB; on Linux */
async function run(parameters: string[], env: Record<string, string>): Promise<number> {
  const cli = new URL('../src/cli.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [cli, ...parameters], {
    cwd: directory,
    env,
    stdio: ['ignore', 'ignore', parameters[0] === 'copy' ? 'inherit' : 'ignore'],
  })
  let kilobytes = 0
  const watch = setInterval(() => {
    kilobytes = Math.max(kilobytes, peakMemory(child.pid))
  }, 100)
  const [code] = await once(child, 'exit')
  clearInterval(watch)
  if (code !== 0) throw new Error(`postern ${parameters.join(' ')} ended with ${code}`)
  return kilobytes / 1024
}

function peakMemory(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

function report(what: string, times: number[]): void {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0)
  console.log(`  ${what}: ${at(0.5)} (median), ${at(0.99)} (99 %), ${at(1)} (most)`)
}

function say(what: string, number: number): void {
  console.log(`  ${what}: ${Math.round(number).toLocaleString('en-US')}`)
}
