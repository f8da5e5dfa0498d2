import { asc, eq, type SqliteDatabase, sql } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { isStorable } from '../storable-text.ts'
import type { Transact } from '../transactions.ts'
import type { AuditEventRow, ClientRow } from '../types.ts'
import { createAuditedWrite } from './audit-events.ts'
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
    const { id: idColumn } = clients
    const audited = createAuditedWrite(tables, transact)

    return {
      /** @returns false if the name is taken: then nothing was written */
      async insert(client: ClientRow, event: AuditEventRow): Promise<boolean> {
        const row = await audited(event, (tx) =>
          tx.insert(clients).values(client).onConflictDoNothing().returning({ id: idColumn }),
        )
        return row !== undefined
      },

      /** @returns false if there was no such client */
      async delete(id: string, event: AuditEventRow): Promise<boolean> {
        if (!isStorable(id)) return false
        const row = await audited(event, (tx) =>
          tx.delete(clients).where(eq(idColumn, id)).returning({ id: idColumn }),
        )
        return row !== undefined
      },
    }
  },
}
