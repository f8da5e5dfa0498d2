import { createHash } from 'node:crypto'
import type { SQLWrapper } from 'drizzle-orm'
import type { Pool } from 'pg'
import { sql } from '../drizzle-orm.ts'
import type { PrincipalReader, PrincipalSlot } from '../principals.ts'
import { ReadOnlyServerError } from './errors.ts'
import { PgDialect } from './orm.ts'
import type { PostgresTables } from './schema.ts'
import type { Session } from './session.ts'

/** Milliseconds after which a read has failed for a reason that the next one would wait for as well. */
const HOPELESS = 1000

/** Some checks that share one read, and what becomes of them. */
interface Round extends PromiseWithResolvers<void> {
  slots: Set<PrincipalSlot>
}

/** A row of the read, as the server's text: which slot it is for, and `State` as JSON. */
type Row = [ordinal: string, state: string]

/** Whether the server takes no writes, and the columns of `PrincipalRow`, instants in milliseconds since 1970. */
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
 * Reads what a check needs by one statement for all checks that are waiting, so that their number makes a round trip longer, not a
 * queue. One read is under way at a time; what arrives meanwhile gathers for the next one, which so starts after the last of its checks
 * has arrived, and answers after the one before.
 */
export function createPostgresPrincipalReader(
  pool: Pool,
  tables: PostgresTables,
  session: Session,
): PrincipalReader {
  const text = selectPrincipals(tables)
  // By its text: behind a pooler, two versions of Postern must not take each other's statement for their own.
  const name = `postern_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
  let gathering = makeRound()
  let isReading = false

  async function send(): Promise<void> {
    const round = gathering
    gathering = makeRound()
    isReading = true
    const started = performance.now()
    try {
      await read([...round.slots])
      round.resolve()
    } catch (error) {
      round.reject(error)
      if (performance.now() - started > HOPELESS) {
        gathering.reject(error)
        gathering = makeRound()
      }
    }
    isReading = false
    if (gathering.slots.size > 0) void send()
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
      // To find that nothing has changed is cheaper than to read it all again.
      if (!slot || slot.state === state) continue
      slot.row = toPrincipal(JSON.parse(state))
      slot.state = state
    }
  }

  return {
    load(slots) {
      for (const slot of slots) gathering.slots.add(slot)
      const { promise } = gathering
      if (!isReading) void send()
      return promise
    },
  }
}

function makeRound(): Round {
  const round = { slots: new Set<PrincipalSlot>(), ...Promise.withResolvers<void>() }
  // Where nobody waits, nobody is to be told.
  round.promise.catch(() => {})
  return round
}

/** Leaves every value as the server has written it. */
const AS_TEXT = { getTypeParser: () => (value: string) => value }

/** The statement for any number of checks; its parameters are their accounts, tokens and keys, side by side. */
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
