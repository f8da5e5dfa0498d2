import { createHash } from 'node:crypto'
import type { SQLWrapper } from 'drizzle-orm'
import type { Pool } from 'pg'
import { sql } from '../drizzle-orm.ts'
import type { PrincipalReader, PrincipalSlot } from '../principals.ts'
import { ReadOnlyServerError } from './errors.ts'
import { PgDialect } from './orm.ts'
import type { PostgresTables } from './schema.ts'
import type { Session } from './session.ts'

/** If a read fails after so many milliseconds, the next batch would probably wait as long: it fails too. */
const SLOW_FAILURE = 1000

/** Checks that share one read. */
interface Batch extends PromiseWithResolvers<void> {
  slots: Set<PrincipalSlot>
}

/** A row of the result, as text: the number of its slot, from 1, and `State` as JSON. */
type Row = [ordinal: string, state: string]

/** Whether the server is read-only, and the columns of `PrincipalRow`, with instants in milliseconds since 1970. */
type State = [
  readOnly: 'on' | 'off',
  id: string | null,
  email: string | null,
  name: string | null,
  createdAt: number | null,
  disabledAt: number | null,
  tokenVersion: number | null,
  blacklistedJti: string | null,
  kid: string | null,
  keyRetiresAt: number | null,
]

/**
 * Reads for all waiting checks by one statement, so that more checks make a longer round trip and not a longer queue.
 * One read runs at a time. Checks that arrive while it runs become the next batch, whose read so starts after they
 * arrived.
 */
export function createPostgresPrincipalReader(
  pool: Pool,
  tables: PostgresTables,
  session: Session,
): PrincipalReader {
  const text = selectPrincipals(tables)
  // The name depends on the text, since behind a pooler two versions of Postern may share a connection.
  const name = `postern_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
  let nextBatch = createBatch()
  let isReading = false

  async function send(): Promise<void> {
    const batch = nextBatch
    nextBatch = createBatch()
    isReading = true
    const started = performance.now()
    try {
      await read([...batch.slots])
      batch.resolve()
    } catch (error) {
      batch.reject(error)
      if (performance.now() - started > SLOW_FAILURE) {
        nextBatch.reject(error)
        nextBatch = createBatch()
      }
    }
    isReading = false
    if (nextBatch.slots.size > 0) void send()
  }

  async function read(slots: PrincipalSlot[]): Promise<void> {
    const { rows } = await pool.query<Row>({
      text,
      ...(session.keepsStatements && { name }),
      values: [
        slots.map((slot) => slot.userId),
        slots.map((slot) => slot.jti),
        slots.map((slot) => slot.kid),
      ],
      rowMode: 'array',
      types: AS_TEXT,
    })
    for (const [ordinal, state] of rows) {
      const slot = slots[Number(ordinal) - 1]
      // Comparing texts is cheaper than parsing one.
      if (!slot || slot.state === state) continue
      slot.row = toPrincipal(JSON.parse(state))
      slot.state = state
    }
  }

  return {
    load(slots) {
      for (const slot of slots) nextBatch.slots.add(slot)
      const { promise } = nextBatch
      if (!isReading) void send()
      return promise
    },
  }
}

function createBatch(): Batch {
  const batch = { slots: new Set<PrincipalSlot>(), ...Promise.withResolvers<void>() }
  // A rejected batch without checks must not end the process.
  batch.promise.catch(() => {})
  return batch
}

/** Leaves every value as the server's text. */
const AS_TEXT = { getTypeParser: () => (value: string) => value }

/** The statement for any number of checks. Its parameters are arrays of their users, tokens and keys. */
function selectPrincipals({ users, blacklistedTokens, signingKeys }: PostgresTables): string {
  const milliseconds = (column: SQLWrapper) => sql`round(extract(epoch from ${column}) * 1000)::bigint`
  const query = sql`
    select asked.ordinality, json_build_array(current_setting('transaction_read_only'),
      ${users.id}, ${users.email}, ${users.name}, ${milliseconds(users.createdAt)},
      ${milliseconds(users.disabledAt)}, ${users.tokenVersion},
      ${blacklistedTokens.jti}, ${signingKeys.kid}, ${milliseconds(signingKeys.retiresAt)})
    from unnest($1::text[], $2::text[], $3::text[]) with ordinality as asked (user_id, jti, kid)
      left join ${users} on ${users.id} = asked.user_id
      left join ${blacklistedTokens} on ${blacklistedTokens.jti} = asked.jti
      left join ${signingKeys} on ${signingKeys.kid} = asked.kid`
  return new PgDialect().sqlToQuery(query).sql
}

/** @throws ReadOnlyServerError */
function toPrincipal(state: State): PrincipalSlot['row'] {
  const [readOnly, id, email, name, createdAt, disabledAt, tokenVersion, blacklistedJti, kid, keyRetiresAt] =
    state
  if (readOnly !== 'off') throw new ReadOnlyServerError()
  if (id === null || email === null || createdAt === null || tokenVersion === null) return undefined
  return {
    id,
    email,
    name,
    createdAt: new Date(createdAt),
    disabledAt: toInstant(disabledAt),
    tokenVersion,
    blacklistedJti,
    kid,
    keyRetiresAt: toInstant(keyRetiresAt),
  }
}

function toInstant(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds)
}
