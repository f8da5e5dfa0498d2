/**
 * Three ways to commit logouts on SQLite, and how long each blocks the event loop.
 *
 *     npm run bench:commits -- [--rounds 5] [--seconds 2]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { v7 as uuidv7 } from 'uuid'
import { type Database, openDatabase } from '../drizzle/index.ts'
import { createAuditEvent } from '../plugins/audit/event.ts'

/** Logouts in flight. */
const CONCURRENCY = 64

type LogOut = () => Promise<unknown>

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' } },
  })
  const directory = mkdtempSync(join(tmpdir(), 'postern-commits-'))
  const path = join(directory, 'postern.db')
  const database = await openDatabase(path)
  const threaded = await openDatabase(path, { writerThread: true })
  const ways: Record<string, LogOut> = {
    'a commit for each': inTurn(() => revoke(database)),
    'a commit for each turn': () => revoke(database),
    'the same in the writer thread': () => revoke(threaded),
  }
  const samples = Object.fromEntries(Object.keys(ways).map((name) => [name, [] as number[][]]))
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const [name, logOut] of Object.entries(ways)) {
      const sample = await run(logOut, Number(values.seconds) * 1000)
      if (round >= 0) samples[name]?.push(sample)
    }
  }
  for (const [name, runs] of Object.entries(samples)) {
    const [perSecond, p50, p99] = [0, 1, 2].map((column) => median(runs.map((run) => run[column] ?? 0)))
    console.log(
      `${name.padEnd(36)} ${perSecond?.toFixed(0).padStart(7)} logouts/s; ` +
        `event loop delay ${p50?.toFixed(2)} ms, p99 ${p99?.toFixed(2)} ms`,
    )
  }
  await threaded.close()
  await database.close()
  rmSync(directory, { recursive: true })
}

/** Logouts per second, and the delay of the event loop: median and 99th percentile, in milliseconds. */
async function run(logOut: LogOut, milliseconds: number): Promise<number[]> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const end = performance.now() + milliseconds
  let count = 0
  delay.enable()
  const client = async () => {
    while (performance.now() < end) {
      await logOut()
      count++
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, client))
  delay.disable()
  // The timer itself is due every millisecond.
  return [(count * 1000) / milliseconds, delay.percentile(50) / 1e6 - 1, delay.percentile(99) / 1e6 - 1]
}

/** One after the other, each in its own turn of the event loop. */
function inTurn(logOut: LogOut): LogOut {
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    last = last.then(logOut)
    return last
  }
}

function revoke({ blacklistedTokens }: Database): Promise<boolean> {
  const [jti, userId, createdAt] = [uuidv7(), uuidv7(), new Date()]
  const expiresAt = new Date(createdAt.getTime() + 900_000)
  const event = createAuditEvent('authn_token_revoked', { userId, target: jti, address: '127.0.0.1' })
  return blacklistedTokens.insert({ jti, userId, expiresAt, createdAt }, event)
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

await measure()
