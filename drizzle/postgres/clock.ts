import type { Clock } from '../clock.ts'
import { sql } from '../drizzle-orm.ts'

/** The server's clock, which is the same for all instances. */
export const postgresClock: Clock = {
  now: () => sql`now()`,
  ago: (milliseconds) => sql`now() - ${milliseconds}::float8 * interval '1 millisecond'`,
}
