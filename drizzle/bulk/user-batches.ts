import type { Connection } from '../connection.ts'
import { inArray, or, type SqliteDatabase } from '../drizzle-orm.ts'
import { rowsOf } from '../transactions.ts'
import type { AuditEventRow, UserRow } from '../types.ts'

/** A user to create, and the audit event about it. */
export interface NewUser {
  user: UserRow
  event: AuditEventRow
}

/** A user that could not be created, and the one that has its e-mail or id; undefined if that one was just deleted. */
export interface UserConflict {
  user: UserRow
  taken: UserRow | undefined
}

/** The result of a batch. */
export interface UserBatchResult {
  inserted: number
  conflicts: UserConflict[]
}

/** Creates many users at once. */
export interface UserBatches {
  /** @returns those of the users whose e-mail or id is taken */
  findConflicts(users: readonly UserRow[]): Promise<UserConflict[]>
  /**
   * Creates users, each with its event, in one transaction.
   *
   * @param maySkip whether a user with a conflict may be skipped; if it returns false, nothing is written
   */
  insert(batch: readonly NewUser[], maySkip: (conflict: UserConflict) => boolean): Promise<UserBatchResult>
}

/** Rolls a transaction back. */
class BatchRefused extends Error {
  readonly conflicts: UserConflict[]

  constructor(conflicts: UserConflict[]) {
    super('A user of the batch conflicts with another')
    this.conflicts = conflicts
  }
}

export function createUserBatches({ db, tables, transact, bulkInsert }: Connection): UserBatches {
  const { users } = tables
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
    async findConflicts(rows) {
      if (rows.length === 0) return []
      return pair(rows, await selectTaken(db, rows)).filter(({ taken }) => taken !== undefined)
    },

    async insert(batch, maySkip) {
      if (batch.length === 0) return { inserted: 0, conflicts: [] }
      if (!expectsConflicts) {
        try {
          return await insertNew(batch)
        } catch (error) {
          if (!isConflict(error)) throw error
        }
      }
      const result = await insertUnlessTaken(batch, maySkip)
      // After one conflict, the next batches probably have more.
      expectsConflicts = result.conflicts.length > 0
      return result
    },
  }

  /** @throws if a user conflicts with another one */
  async function insertNew(batch: readonly NewUser[]): Promise<UserBatchResult> {
    await transact(function* (tx) {
      const [users, events] = [batch.map(({ user }) => user), batch.map(({ event }) => event)]
      // Both are created before the first is awaited: PostgreSQL runs one while the other is serialised.
      const statements = [bulkInsert(tx, 'users', users, false), bulkInsert(tx, 'auditEvents', events, false)]
      for (const statement of statements) yield* rowsOf(statement)
    })
    return { inserted: batch.length, conflicts: [] }
  }

  async function insertUnlessTaken(
    batch: readonly NewUser[],
    maySkip: (conflict: UserConflict) => boolean,
  ): Promise<UserBatchResult> {
    try {
      return await transact(function* (tx) {
        const rows = batch.map(({ user }) => user)
        const inserted = new Set((yield* rowsOf(bulkInsert(tx, 'users', rows))).map(({ key }) => key))
        const skipped = rows.filter(({ id }) => !inserted.has(id))
        const conflicts = skipped.length > 0 ? pair(skipped, yield* rowsOf(selectTaken(tx, skipped))) : []
        if (!conflicts.every(maySkip)) throw new BatchRefused(conflicts)
        const events = batch.filter(({ user }) => inserted.has(user.id)).map(({ event }) => event)
        if (events.length > 0) yield* rowsOf(bulkInsert(tx, 'auditEvents', events))
        return { inserted: events.length, conflicts }
      })
    } catch (error) {
      if (error instanceof BatchRefused) return { inserted: 0, conflicts: error.conflicts }
      throw error
    }
  }
}

/** Codes of SQLite and PostgreSQL for a violated unique constraint. */
const CONFLICT = /^(SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)|23505)$/

function isConflict(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  return CONFLICT.test(String(code)) || CONFLICT.test(String(cause?.code))
}

/** Pairs each user with the one that it conflicts with. A taken e-mail says more than a taken id. */
function pair(users: readonly UserRow[], taken: readonly UserRow[]): UserConflict[] {
  const byEmail = new Map(taken.map((row) => [row.email, row]))
  const byId = new Map(taken.map((row) => [row.id, row]))
  return users.map((user) => ({ user, taken: byEmail.get(user.email) ?? byId.get(user.id) }))
}
