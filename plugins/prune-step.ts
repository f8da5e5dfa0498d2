import type { Database } from '../drizzle/index.ts'

/** Milliseconds that a row outlives its token, so that a clock set back does not bring a revoked token to life. */
const MARGIN = 3_600_000
const DAY = 86_400_000

/** What the step works on, and how. */
export interface PruneOptions {
  /** Days that an audit event is kept. */
  auditRetentionDays: number
  /** Rows of each table that are deleted at most. */
  limit: number
}

/** How many rows were deleted. */
export interface Pruned {
  tokens: number
  auditEvents: number
  rateLimits: number
}

/** Deletes some of what has expired: tokens from `blacklisted_tokens`, and old rows from `audit_events` and `rate_limits`. */
export async function pruneStep(
  database: Pick<Database, 'blacklistedTokens' | 'auditEvents' | 'pruneRateLimits'>,
  { auditRetentionDays, limit }: PruneOptions,
): Promise<Pruned> {
  return {
    tokens: await database.blacklistedTokens.prune(before(MARGIN), limit),
    auditEvents: await database.auditEvents.prune(before(auditRetentionDays * DAY), limit),
    rateLimits: await database.pruneRateLimits(limit),
  }
}

/** The moment so many milliseconds ago. */
function before(milliseconds: number): Date {
  return new Date(Date.now() - milliseconds)
}
