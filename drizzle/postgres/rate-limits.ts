import { createHash } from 'node:crypto'
import type { SQLWrapper } from 'drizzle-orm'
import type { Pool } from 'pg'
import { sql } from '../drizzle-orm.ts'
import {
  hasWaits,
  type RateLimitBackend,
  type RateLimitCount,
  type RateLimiterSettings,
  type RateLimitStore,
  SHORTEST_WAIT,
} from '../rate-limits/limiter.ts'
import { PgDialect } from './orm.ts'
import type { createRateLimitsTable } from './schema.ts'
import type { Session } from './session.ts'

/** Milliseconds for which a refusal is repeated without a query, so that a flood does not queue for one row. */
const REPEATED_FOR = 1000
/** The most refusals to remember. */
const MAX_REFUSALS = 10_000

type RateLimitsTable = ReturnType<typeof createRateLimitsTable>
type Run = (statement: Statement, parameters: unknown[]) => Promise<StoredCount | undefined>

interface StoredCount extends RateLimitCount {
  /** Milliseconds until the wait after the latest point ends; not positive if it has ended. */
  waitLeft: number
}

interface Statement {
  text: string
  /** Depends on the text, since behind a pooler two versions of Postern may share a connection. */
  name: string
}

/** Stores the counts of all instances together, by the server's clock. */
export function createPostgresRateLimits(
  pool: Pool,
  table: RateLimitsTable,
  session: Session,
): RateLimitBackend {
  const statements = writeStatements(table)

  const run: Run = async ({ text, name }, values) => {
    const { rows } = await pool.query<{ points: number; ms_left: string; wait_left: string | null }>({
      text,
      ...(session.keepsStatements && { name }),
      values,
    })
    const [row] = rows
    return row && { points: row.points, msLeft: Number(row.ms_left), waitLeft: Number(row.wait_left) }
  }

  return {
    createStore: (settings) => new PostgresRateLimitStore(settings, statements, run),
    prune: async (limit) => (await pool.query(statements.prune.text, [limit])).rowCount ?? 0,
  }
}

class PostgresRateLimitStore implements RateLimitStore {
  readonly #limit: number
  readonly #duration: number
  readonly #hasWaits: boolean
  readonly #statements: Statements
  readonly #run: Run
  /** The latest refusals, and when each was made. */
  readonly #refusals = new Map<string, RateLimitCount & { since: number }>()

  constructor(settings: RateLimiterSettings, statements: Statements, run: Run) {
    this.#limit = settings.points
    this.#duration = settings.duration * 1000
    this.#hasWaits = hasWaits(settings)
    this.#statements = statements
    this.#run = run
  }

  async add(key: string, points: number): Promise<RateLimitCount> {
    if (points < 0) return await this.#subtract(key, -points)
    const parameters = [key, points, this.#duration, this.#limit, this.#hasWaits]
    const count = await this.#run(this.#statements.add, parameters)
    if (count) return this.#clamp(count)
    const found = await this.#run(this.#statements.get, [key])
    // Since then points were given back, or the count has expired.
    if (!found) return await this.add(key, points)
    const { msLeft } = found.points + points > this.#limit ? this.#clamp(found) : { msLeft: found.waitLeft }
    // Since then the wait has ended.
    if (msLeft <= 0) return await this.add(key, points)
    const refusal = { points: this.#limit + points, msLeft }
    this.#remember(key, refusal)
    return refusal
  }

  async #subtract(key: string, points: number): Promise<RateLimitCount> {
    this.#refusals.delete(key)
    // A count of 0 is deleted, so that a request which is not served leaves no row.
    const deleted = await this.#run(this.#statements.deleteUpTo, [key, points])
    return this.#clamp(deleted ? undefined : await this.#run(this.#statements.subtract, [key, points]))
  }

  recall(key: string): RateLimitCount | undefined {
    const refusal = this.#refusals.get(key)
    if (!refusal) return undefined
    const age = performance.now() - refusal.since
    if (age < Math.min(REPEATED_FOR, refusal.msLeft)) {
      return { points: refusal.points, msLeft: refusal.msLeft - age }
    }
    this.#refusals.delete(key)
    return undefined
  }

  async delete(key: string): Promise<void> {
    this.#refusals.delete(key)
    await this.#run(this.#statements.delete, [key])
  }

  #remember(key: string, count: RateLimitCount): void {
    if (this.#refusals.size >= MAX_REFUSALS) this.#refusals.clear()
    this.#refusals.set(key, { ...count, since: performance.now() })
  }

  /** No count lasts longer than a duration, even if the server's clock was set back. */
  #clamp(count: RateLimitCount = { points: 0, msLeft: 0 }): RateLimitCount {
    return { points: count.points, msLeft: Math.min(count.msLeft, this.#duration) }
  }
}

type Statements = ReturnType<typeof writeStatements>

function writeStatements(table: RateLimitsTable) {
  const { key, points, expiresAt, waitsUntil } = table
  const column = {
    points: sql.identifier('points'),
    expiresAt: sql.identifier('expires_at'),
    waitsUntil: sql.identifier('waits_until'),
  }
  const isLive = sql`${expiresAt} > now()`
  const fromNow = sql`now() + $3::float8 * interval '1 millisecond'`
  // A wait that is longer than any can be is from before the server's clock was set back.
  const isWaiting = sql`coalesce(${waitsUntil} > now() and ${waitsUntil} <= ${fromNow}, false)`
  const count = sql`${points}, ceil(extract(epoch from ${expiresAt} - now()) * 1000) as ms_left,
      ceil(extract(epoch from ${waitsUntil} - now()) * 1000) as wait_left`
  // The rule of waitAfter. The first points of a key, which are inserted, have no wait.
  const total = sql`case when ${isLive} then ${points} else 0 end + excluded.points`
  // The exponent is bounded, since the power of a limit of a million points is no number that PostgreSQL has.
  const wait = sql`$3::float8 / power(2, least($4::int - (${total}) + 1, 100))`
  const waitEnd = sql`case when $5::boolean and ${wait} >= ${sql.raw(`${SHORTEST_WAIT}`)}
        then now() + ${wait} * interval '1 millisecond' end`
  return {
    add: statement(sql`insert into ${table} (key, points, expires_at) values ($1, $2, ${fromNow})
      on conflict (key) do update set
      ${column.points} = ${total},
      ${column.waitsUntil} = ${waitEnd},
      ${column.expiresAt} = case when ${isLive} then least(${expiresAt}, excluded.expires_at)
        else excluded.expires_at end
      where not ${isLive} or (${points} + excluded.points <= $4 and not ${isWaiting}) returning ${count}`),
    deleteUpTo: statement(sql`delete from ${table} where ${key} = $1 and ${points} <= $2 returning ${count}`),
    subtract: statement(
      sql`update ${table} set ${column.points} = ${points} - $2, ${column.waitsUntil} = null
        where ${key} = $1 and ${points} > $2 and ${isLive} returning ${count}`,
    ),
    get: statement(sql`select ${count} from ${table} where ${key} = $1 and ${isLive}`),
    delete: statement(sql`delete from ${table} where ${key} = $1 returning ${count}`),
    prune: statement(
      sql`delete from ${table} where ${key} in (select ${key} from ${table} where not ${isLive} limit $1)`,
    ),
  }
}

function statement(query: SQLWrapper): Statement {
  const { sql: text } = new PgDialect().sqlToQuery(query.getSQL())
  return { text, name: `postern_${createHash('sha256').update(text).digest('hex').slice(0, 16)}` }
}
