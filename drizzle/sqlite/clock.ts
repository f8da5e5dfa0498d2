import type { Clock } from '../clock.ts'
import { sql } from '../drizzle-orm.ts'
import type { Tables } from './schema.ts'

/**
 * The clock of this process, since SQLite has no other. The past is counted from the newest event that is recorded, if
 * that is earlier: a clock that is ahead then deletes nothing too soon. If there is no event, there is no past.
 */
export function createSqliteClock({ auditEvents }: Pick<Tables, 'auditEvents'>): Clock {
  const newest = sql`(select max(${auditEvents.createdAt}) from ${auditEvents})`
  return {
    now: () => sql`${Date.now()}`,
    ago: (milliseconds) => sql`min(${Date.now()}, ${newest}) - ${milliseconds}`,
  }
}
