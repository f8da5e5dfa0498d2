import type { Clock } from '../clock.ts'
import { and, asc, desc, eq, gt, gte, inArray, lt, type SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { rowsOf, type Statement, type Transact } from '../transactions.ts'
import type { AuditEventRow } from '../types.ts'
import type { ReadableDatabase } from './repository.ts'

/** Which events to return. */
export interface AuditFilter {
  userId?: string | undefined
  event?: string | undefined
  since?: Date | undefined
  /** The most events to return. */
  limit: number
}

/** The audit trail. The event of a write is recorded by that write, in its transaction. */
export const auditEvents = {
  reads(db: ReadableDatabase, { auditEvents }: Tables) {
    const { id, createdAt } = auditEvents

    function matches({ userId, event, since }: Omit<AuditFilter, 'limit'>) {
      return and(
        userId === undefined ? undefined : eq(auditEvents.userId, userId),
        event === undefined ? undefined : eq(auditEvents.event, event),
        since && gte(createdAt, since),
      )
    }

    return {
      /** @returns the latest events that match, oldest first */
      async list({ limit, ...filter }: AuditFilter): Promise<AuditEventRow[]> {
        const rows = await db
          .select()
          .from(auditEvents)
          .where(matches(filter))
          .orderBy(desc(createdAt), desc(id))
          .limit(limit)
        return rows.reverse()
      },

      /**
       * Reads the events page by page, ordered by id: many events may have the same time.
       *
       * @param after the last event of the previous page
       * @returns the first events that match, oldest first
       */
      async page({ limit, ...filter }: AuditFilter, after?: AuditEventRow): Promise<AuditEventRow[]> {
        const bound = after?.id ?? (filter.since ? firstIdOf(filter.since) : '')
        return await db
          .select()
          .from(auditEvents)
          .where(and(matches(filter), gt(id, bound)))
          .orderBy(asc(id))
          .limit(limit)
      },
    }
  },

  writes(db: SqliteDatabase, tables: Tables, transact: Transact, clock: Clock) {
    const { auditEvents } = tables
    return {
      /** Records an event that belongs to no other write. */
      async insert(event: AuditEventRow): Promise<void> {
        await transact((tx) => rowsOf(recordEvent(tx, tables, event)))
      },

      /**
       * Deletes at most `limit` events that are older than `age` milliseconds, the oldest first.
       *
       * @returns how many it deleted
       */
      async prune(age: number, limit: number): Promise<number> {
        const old = db
          .select({ id: auditEvents.id })
          .from(auditEvents)
          .where(lt(auditEvents.createdAt, clock.ago(age)))
          .orderBy(asc(auditEvents.createdAt))
          .limit(limit)
        const deleted = await db
          .delete(auditEvents)
          .where(inArray(auditEvents.id, old))
          .returning({ id: auditEvents.id })
        return deleted.length
      },
    }
  },
}

/** Milliseconds by which an event's id may be older than the event, because it is created first. */
const ID_MARGIN = 1000

/** A text that sorts before every UUIDv7 (RFC 9562 section 5.7) of this moment or later. */
function firstIdOf(moment: Date): string {
  const hex = Math.max(0, moment.getTime() - ID_MARGIN)
    .toString(16)
    .padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

/** The statement that records an event, in the transaction of what it is about. */
export function recordEvent(tx: SqliteDatabase, { auditEvents }: Tables, event: AuditEventRow) {
  return tx.insert(auditEvents).values(event).returning({ id: auditEvents.id })
}

/** Returns a function that runs a write, and if that returns a row, records its event in the same transaction. */
export function createAuditedWrite(tables: Tables, transact: Transact) {
  return <Row>(
    event: AuditEventRow,
    write: (tx: SqliteDatabase) => Statement<Row>,
  ): Promise<Row | undefined> =>
    transact(function* (tx) {
      const [row] = yield* rowsOf(write(tx))
      if (row) yield* rowsOf(recordEvent(tx, tables, event))
      return row
    })
}
