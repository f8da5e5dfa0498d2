/**
 * Loads drizzle-orm's CommonJS build: its ESM build resolves two hundred modules one by one, which costs a quarter of a
 * second and 150 MB of garbage at every start. Every file in `drizzle/` imports Drizzle from here.
 */
import { createRequire } from 'node:module'
import type { Database as SqliteHandle } from 'better-sqlite3'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'

/** A SQLite database under Drizzle. Queries for both databases are written against this type. */
export type SqliteDatabase = BetterSQLite3Database & { $client: SqliteHandle }

const require = createRequire(import.meta.url)

export const {
  and,
  asc,
  between,
  count,
  DrizzleQueryError,
  desc,
  eq,
  getTableColumns,
  getTableName,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  notInArray,
  or,
  sql,
} = require('drizzle-orm') as typeof import('drizzle-orm')
export const { drizzle } =
  require('drizzle-orm/better-sqlite3') as typeof import('drizzle-orm/better-sqlite3')
export const { readMigrationFiles } = require('drizzle-orm/migrator') as typeof import('drizzle-orm/migrator')
export const { index, integer, sqliteTable, text } =
  require('drizzle-orm/sqlite-core') as typeof import('drizzle-orm/sqlite-core')
