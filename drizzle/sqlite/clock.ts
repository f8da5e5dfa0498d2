import type { Clock } from '../clock.ts'
import { sql } from '../drizzle-orm.ts'
import type { Tables } from './schema.ts'

/**
 * The clock of this process, since SQLite has no other, and the newest event that is recorded. If the clock is behind,
 * the present is that event. If the clock is ahead, the past is counted from that event, so that nothing is deleted too
 * soon. If there is no event, there is no past.
 */
export function createSqliteClock({ auditEvents }: Pick<Tables, 'auditEvents'>): Clock {
  const newest = sql`(select max(${auditEvents.createdAt}) from ${auditEvents})`
  return {
    now: () => sql`max(${Date.now()}, coalesce(${newest}, 0))`,
    ago: (milliseconds) => sql`min(${Date.now()}, ${newest}) - ${milliseconds}`,
  }
}
