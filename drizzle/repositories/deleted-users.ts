import { inArray } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import type { ReadableDatabase } from './repository.ts'

/** The ids of users who were deleted. The deletion writes them. */
export const deletedUsers = {
  reads(db: ReadableDatabase, { deletedUsers }: Tables) {
    const { id } = deletedUsers

    return {
      /** @returns those of the ids that belonged to a user who was deleted */
      async find(ids: readonly string[]): Promise<Set<string>> {
        if (ids.length === 0) return new Set()
        const rows = await db
          .select({ id })
          .from(deletedUsers)
          .where(inArray(id, [...ids]))
        return new Set(rows.map((row) => row.id))
      },
    }
  },

  writes: () => ({}),
}
