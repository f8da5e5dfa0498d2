import { asc, eq, type SqliteDatabase, sql } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { isStorable } from '../storable-text.ts'
import { rowsOf, type Transact } from '../transactions.ts'
import type { AuditEventRow, ClientRow } from '../types.ts'
import { recordEvent } from './audit-events.ts'
import type { ReadableDatabase } from './repository.ts'

/** The clients that may introspect and revoke tokens. */
export const clients = {
  reads(db: ReadableDatabase, { clients }: Tables) {
    const findClient = db
      .select()
      .from(clients)
      .where(eq(clients.id, sql.placeholder('id')))
      .limit(1)
      .prepare()

    return {
      async find(id: string): Promise<ClientRow | undefined> {
        if (!isStorable(id)) return undefined
        const [row] = await findClient.execute({ id })
        return row
      },

      /** @returns all clients, oldest first */
      async list(): Promise<ClientRow[]> {
        return await db.select().from(clients).orderBy(asc(clients.createdAt))
      },
    }
  },

  writes(_db: SqliteDatabase, tables: Tables, transact: Transact) {
    const { clients } = tables
    const returned = { id: clients.id }

    return {
      /** @returns false if the name is taken: then nothing was written */
      async insert(client: ClientRow, event: AuditEventRow): Promise<boolean> {
        return await transact(function* (tx) {
          const [row] = yield* rowsOf(
            tx.insert(clients).values(client).onConflictDoNothing().returning(returned),
          )
          if (row) yield* recordEvent(tx, tables, event)
          return row !== undefined
        })
      },

      /** @returns false if there was no such client */
      async delete(id: string, event: AuditEventRow): Promise<boolean> {
        if (!isStorable(id)) return false
        return await transact(function* (tx) {
          const [row] = yield* rowsOf(tx.delete(clients).where(eq(clients.id, id)).returning(returned))
          if (row) yield* recordEvent(tx, tables, event)
          return row !== undefined
        })
      },
    }
  },
}
