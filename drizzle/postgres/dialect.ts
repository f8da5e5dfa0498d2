import type { ClientBase, Pool } from 'pg'
import type { SqliteDatabase } from '../drizzle-orm.ts'
import type { Tables } from '../sqlite/schema.ts'
import { drizzle } from './orm.ts'
import { createPostgresTables, type PostgresTables } from './schema.ts'

/** Wraps connections for the queries of both databases, which use only calls that both dialects have. */
export function asSharedDatabase(client: Pool | ClientBase): SqliteDatabase {
  return drizzle(client as Pool) as unknown as SqliteDatabase
}

/** Creates the tables of a schema for the same queries. Their rows have the same types in both dialects. */
export function createSharedTables(schema: string): Tables {
  return createPostgresTables(schema) as unknown as Tables
}

/** The types of a table's rows, as selected and as inserted; undefined if there is no such table. */
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
