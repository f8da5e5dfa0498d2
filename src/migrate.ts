import { Type } from '@sinclair/typebox'
import {
  type MigrateOptions,
  migrate as migrateTables,
  type PostgresPool,
  type SqliteHandle,
} from '../drizzle/host-database.ts'
import { OptionsSchema } from './settings/options.ts'
import { InvalidOptionsError, parse } from './settings/parse.ts'
import { findTablePrefixFault } from './settings/plugin-options.ts'

/** The part of the options that `migrate` takes, by the rules of the plugin. */
const PlaceSchema = Type.Object(
  {
    tablePrefix: Type.Optional(Type.String()),
    databaseSchema: OptionsSchema.properties.databaseSchema,
  },
  { additionalProperties: false },
)

/**
 * Brings Postern's tables in your database up to date, for apps that migrate before they start.
 *
 * @param database a handle opened by better-sqlite3, which is migrated when this returns; or a `Pool` of `pg`, which is
 *   migrated when the promise resolves
 * @throws InvalidOptionsError naming each option that is wrong
 * @throws NewerDatabaseError if a newer version of Postern has migrated the database
 */
export function migrate(database: SqliteHandle, options?: MigrateOptions): void
export function migrate(database: PostgresPool, options?: MigrateOptions): Promise<void>
export function migrate(
  database: SqliteHandle | PostgresPool,
  options: MigrateOptions = {},
): void | Promise<void> {
  parse(PlaceSchema, { ...options }, {})
  const fault = findTablePrefixFault(options.tablePrefix)
  if (fault) throw new InvalidOptionsError(fault)
  return migrateTables(database as PostgresPool, options)
}
