import { asc, eq, type SqliteDatabase, sql } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { isStorable } from '../storable-text.ts'
import { rowsOf, type Transact } from '../transactions.ts'
import type { AuditEventRow, ClientRow } from '../types.ts'
import { recordEvent } from './audit-events.ts'

/** Who may introspect and revoke tokens. */
export function clients(db: SqliteDatabase, tables: Tables, transact: Transact) {
  const { clients } = tables
  const { id: idColumn } = clients

  const findClient = db
    .select()
    .from(clients)
    .where(eq(idColumn, sql.placeholder('id')))
    .limit(1)
    .prepare()

  return {
    /** @returns false where the name is taken: then nothing was written */
    async insert(client: ClientRow, event: AuditEventRow): Promise<boolean> {
      return await transact(function* (tx) {
        const [row] = yield* rowsOf(
          tx.insert(clients).values(client).onConflictDoNothing().returning({ id: idColumn }),
        )
        if (row) yield* recordEvent(tx, tables, event)
        return row !== undefined
      })
    },

    async find(id: string): Promise<ClientRow | undefined> {
      if (!isStorable(id)) return undefined
      const [row] = await findClient.execute({ id })
      return row
    },

    /** @returns all clients, oldest first */
    async list(): Promise<ClientRow[]> {
      return await db.select().from(clients).orderBy(asc(clients.createdAt))
    },

    /** @returns false where there was none */
    async delete(id: string, event: AuditEventRow): Promise<boolean> {
      if (!isStorable(id)) return false
      return await transact(function* (tx) {
        const [row] = yield* rowsOf(tx.delete(clients).where(eq(idColumn, id)).returning({ id: idColumn }))
        if (row) yield* recordEvent(tx, tables, event)
        return row !== undefined
      })
    },
  }
}
