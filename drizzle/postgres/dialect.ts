import type { ClientBase, Pool } from 'pg'
import type { SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { drizzle } from './orm.ts'
import { createPostgresTables, type PostgresTables } from './schema.ts'

/** A connection of PostgreSQL for the queries that both databases share, which use only the calls that both dialects have. */
export function asSharedDatabase(client: Pool | ClientBase): SqliteDatabase {
  return drizzle(client as Pool) as unknown as SqliteDatabase
}

/** The tables of a schema for the same queries: their rows are of equal types. */
export function createSharedTables(schema: string): Tables {
  return createPostgresTables(schema) as unknown as Tables
}

type Same<A, B> = [A, B] extends [B, A] ? true : false

type RowsAreTheSame<Name extends keyof Tables & keyof PostgresTables> = [
  Same<Tables[Name]['$inferSelect'], PostgresTables[Name]['$inferSelect']>,
  Same<Tables[Name]['$inferInsert'], PostgresTables[Name]['$inferInsert']>,
]

/** Holds the casts true: it does not compile where a table, a column or its type differs between the two dialects. */
export const dialectsAgree: Record<keyof PostgresTables, true> & {
  [Name in keyof Tables]: RowsAreTheSame<Name> extends [true, true] ? true : never
} = { users: true, blacklistedTokens: true, signingKeys: true, clients: true, auditEvents: true }
