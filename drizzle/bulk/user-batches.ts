import { and, eq, inArray, or, type SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { rowsOf, type Transact } from '../transactions.ts'
import type { AuditEventRow, UserRow } from '../types.ts'
import type { BulkInsert } from './insert.ts'

/** An account that is to be made, and the event that says so. */
export interface NewUser {
  user: UserRow
  event: AuditEventRow
}

/** An account that could not be made, and the one that has its e-mail or its id; undefined where that has just gone. */
export interface UserConflict {
  user: UserRow
  taken: UserRow | undefined
}

/** What became of a batch. */
export interface UserBatchResult {
  inserted: number
  conflicts: UserConflict[]
}

/** Accounts, many at once. */
export interface UserBatches {
  /** @returns those of the ids of accounts that an event of this name is about, as far as the audit trail goes back */
  findAudited(event: string, ids: readonly string[]): Promise<Set<string>>
  /** @returns those of the accounts whose e-mail or id is taken */
  findConflicts(users: readonly UserRow[]): Promise<UserConflict[]>
  /**
   * Makes accounts, each with its event.
   *
   * @param mayStay whether the others are to be made in spite of a conflict; where it says no, nothing is written
   */
  insert(batch: readonly NewUser[], mayStay: (conflict: UserConflict) => boolean): Promise<UserBatchResult>
}

/** Ends a transaction without a trace. */
class Refused extends Error {
  readonly conflicts: UserConflict[]

  constructor(conflicts: UserConflict[]) {
    super('The batch is refused')
    this.conflicts = conflicts
  }
}

export function createUserBatches(
  db: SqliteDatabase,
  tables: Tables,
  transact: Transact,
  bulkInsert: BulkInsert,
): UserBatches {
  const { auditEvents, users } = tables
  let expectsConflicts = false

  function selectTaken(tx: SqliteDatabase, rows: readonly UserRow[]) {
    const emails = rows.map(({ email }) => email)
    const ids = rows.map(({ id }) => id)
    return tx
      .select()
      .from(users)
      .where(or(inArray(users.email, emails), inArray(users.id, ids)))
  }

  return {
    async findAudited(event, ids) {
      if (ids.length === 0) return new Set()
      const rows = await db
        .select({ id: auditEvents.userId })
        .from(auditEvents)
        .where(and(eq(auditEvents.event, event), inArray(auditEvents.userId, [...ids])))
      return new Set(rows.map(({ id }) => id ?? ''))
    },

    async findConflicts(rows) {
      if (rows.length === 0) return []
      return pair(rows, await selectTaken(db, rows)).filter(({ taken }) => taken !== undefined)
    },

    async insert(batch, mayStay) {
      if (batch.length === 0) return { inserted: 0, conflicts: [] }
      if (!expectsConflicts) {
        try {
          return await insertNew(batch)
        } catch (error) {
          if (!isConflict(error)) throw error
        }
      }
      const result = await insertOthers(batch, mayStay)
      // Where some are there, so are probably more of those that come next.
      expectsConflicts = result.conflicts.length > 0
      return result
    },
  }

  /** @throws where one of them conflicts with another */
  async function insertNew(batch: readonly NewUser[]): Promise<UserBatchResult> {
    await transact(function* (tx) {
      const [users, events] = [batch.map(({ user }) => user), batch.map(({ event }) => event)]
      // Made both before one is awaited: PostgreSQL works on the first while the second is put into words.
      const statements = [bulkInsert(tx, 'users', users, false), bulkInsert(tx, 'auditEvents', events, false)]
      for (const statement of statements) yield* rowsOf(statement)
    })
    return { inserted: batch.length, conflicts: [] }
  }

  async function insertOthers(
    batch: readonly NewUser[],
    mayStay: (conflict: UserConflict) => boolean,
  ): Promise<UserBatchResult> {
    try {
      return await transact(function* (tx) {
        const rows = batch.map(({ user }) => user)
        const inserted = new Set((yield* rowsOf(bulkInsert(tx, 'users', rows))).map(({ key }) => key))
        const leftOut = rows.filter(({ id }) => !inserted.has(id))
        const conflicts = leftOut.length > 0 ? pair(leftOut, yield* rowsOf(selectTaken(tx, leftOut))) : []
        if (!conflicts.every(mayStay)) throw new Refused(conflicts)
        const events = batch.filter(({ user }) => inserted.has(user.id)).map(({ event }) => event)
        if (events.length > 0) yield* rowsOf(bulkInsert(tx, 'auditEvents', events))
        return { inserted: events.length, conflicts }
      })
    } catch (error) {
      if (error instanceof Refused) return { inserted: 0, conflicts: error.conflicts }
      throw error
    }
  }
}

/** Codes of SQLite and of PostgreSQL for a value that is there already and may be there once. */
const CONFLICT = /^(SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)|23505)$/

function isConflict(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  return CONFLICT.test(String(code)) || CONFLICT.test(String(cause?.code))
}

/** Who stands in whose way. That somebody has the e-mail says more than that somebody has the id. */
function pair(users: readonly UserRow[], taken: readonly UserRow[]): UserConflict[] {
  const byEmail = new Map(taken.map((row) => [row.email, row]))
  const byId = new Map(taken.map((row) => [row.id, row]))
  return users.map((user) => ({ user, taken: byEmail.get(user.email) ?? byId.get(user.id) }))
}
