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

/** What a table's rows are when they are read and when they are written; undefined where there is no such table. */
type Rows<All, Name> = Name extends keyof All
  ? All[Name] extends { $inferSelect: infer Select; $inferInsert: infer Insert }
    ? [Select, Insert]
    : never
  : undefined

type Same<A, B> = [A, B] extends [B, A] ? true : false

/** The names of tables that only one dialect has, or whose rows differ. */
type DifferingTable = {
  [Name in keyof Tables | keyof PostgresTables]: Same<
    Rows<Tables, Name>,
    Rows<PostgresTables, Name>
  > extends true
    ? never
    : Name
}[keyof Tables | keyof PostgresTables]

/** Makes the casts safe: where a table differs, this does not compile, and the error names the table. */
export const differingTables: Record<DifferingTable, 'differs between the dialects'> = {}
