import { asc, between, count, desc } from './drizzle-orm.ts'
import type { ReadableDatabase } from './repositories/repository.ts'
import { hashCost, type Tables } from './sqlite/schema.ts'

/** How many users have hashes of a cost. */
export interface HashCostCount {
  cost: number
  users: number
}

/** The costs that a hash may have. Earlier versions imported higher ones, which must not slow down every login. */
const COSTS = ['04', '15'] as const

/** Prepares the query for the highest cost of a hash; undefined if there are no users. Its index makes it cheap. */
export function prepareHighestHashCost(
  db: ReadableDatabase,
  { users }: Tables,
): () => Promise<number | undefined> {
  const cost = hashCost(users.hashedPassword)
  const query = db
    .select({ cost })
    .from(users)
    .where(between(cost, ...COSTS))
    .orderBy(desc(cost))
    .limit(1)
    .prepare()
  return async () => {
    const [row] = await query.execute()
    // NaN if somebody has stored what is no hash.
    return Number(row?.cost) || undefined
  }
}

/** Counts the users by the cost of their hashes, lowest first. */
export async function countHashCosts(db: ReadableDatabase, { users }: Tables): Promise<HashCostCount[]> {
  const cost = hashCost(users.hashedPassword)
  const rows = await db.select({ cost, users: count() }).from(users).groupBy(cost).orderBy(asc(cost))
  return rows.map((row) => ({ ...row, cost: Number(row.cost) }))
}
